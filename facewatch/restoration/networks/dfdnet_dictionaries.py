"""The dictionaries of DFDNet: the published folder of sixteen .npy files, as one zip.

The project's drive has them as a folder, `DictionaryCenter512`, which browsers download as a zip.
"""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import torch

from facewatch.errors import BadCheckpoint
from facewatch.restoration.networks.state_dict import StateDict, check_zip

LEVELS = {256: 2, 128: 4, 64: 8, 32: 8}
"""Channels of the features by their size in a crop of 512, in units of VGG's first layer."""
SIZES = tuple(LEVELS)
PART_SIDES = {"left_eye": 80, "right_eye": 80, "nose": 50, "mouth": 110}
"""Of the dictionaries' entries, in pixels of a 512 crop."""


def dictionary_name(part: str, size: int) -> str:
    """Return the name of a part's dictionary at one size."""
    return f"{part}_{size}"


def read(file: Path) -> StateDict:
    """Return the dictionaries by the names that the network gives them, float32.

    Raises BadCheckpoint when the file is no such zip, lacks a dictionary, or would run code; OSError
    as `open`.
    """
    if not zipfile.is_zipfile(file):
        raise BadCheckpoint(
            f"{file.name} is not a zip: DFDNet's dictionaries are the folder DictionaryCenter512 as one zip."
        )
    check_zip(file)
    found = {}
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {PurePosixPath(name).name: name for name in archive.namelist()}
            for size in SIZES:
                for part, side in PART_SIDES.items():
                    name = dictionary_name(part, size)
                    array = _array(archive, entries, f"{name}_center.npy")
                    found[f"dictionaries.{name}"] = _entries(array, name, side * size // 512)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise BadCheckpoint(f"{file.name} is damaged ({error}): download it again.") from error
    widths = {len(entries[0]) // LEVELS[int(key.rpartition("_")[2])] for key, entries in found.items()}
    if len(widths) != 1:
        raise BadCheckpoint(f"{file.name} mixes dictionaries of several networks: download it again.")
    return found


def sample(state: StateDict) -> StateDict:
    """Return dictionaries of one blank entry that fit a network's file, to check that file by itself."""
    width = state["VggExtract.features.0.0.weight"].shape[0]
    return {
        f"dictionaries.{dictionary_name(part, size)}": torch.zeros(
            1, LEVELS[size] * width, side * size // 512, side * size // 512
        )
        for size in SIZES
        for part, side in PART_SIDES.items()
    }


def _array(archive: zipfile.ZipFile, entries: dict[str, str], name: str) -> npt.NDArray[np.generic]:
    if name not in entries:
        raise BadCheckpoint(f"The dictionaries have no {name}: zip all of the folder DictionaryCenter512.")
    with archive.open(entries[name]) as file:
        try:
            array: npt.NDArray[np.generic] = np.lib.format.read_array(file, allow_pickle=False)
        except ValueError as error:  # also of an array of objects, whose reading would run code
            raise BadCheckpoint(f"{name} is not an array of numbers ({error}).") from error
    return array


def _entries(array: npt.NDArray[np.generic], name: str, cells: int) -> torch.Tensor:
    """Return one dictionary, (entries, C, cells, cells) float32; the published arrays are flat."""
    count = len(array) if array.ndim else 0
    if not count or array.dtype.kind != "f" or (array.size // count) % cells**2:
        raise BadCheckpoint(
            f"The dictionary {name} is {array.dtype} {array.shape}; rows of C x {cells} x {cells} numbers "
            "were expected."
        )
    return torch.from_numpy(array.astype(np.float32)).reshape(count, -1, cells, cells)
