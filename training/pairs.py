"""Make pairs to learn from: a face made worse, and the clean face, at half the crop's size.

`python -m training.pairs DATA` writes DATA/pairs/000.npy and so on, from the faces that `training.faces`
packed; files that exist are kept. A pair depends on its number alone.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.degradations import Pixels, degrade
from training.faces import SIDES

SIDE = 256
PAIRS_A_FILE = 1000
_SHARP_SHARE = 0.45  # of the pairs; these faces are saved at 512, the others at 256
_SEED = 77
_PADDING = (132, 133, 135)


def pairs(data: Path) -> list[npt.NDArray[np.uint8]]:
    """Map the files that were made, each (PAIRS_A_FILE, 2, 256, 256, 3) RGB: worse, clean."""
    return [np.load(file, mmap_mode="r") for file in sorted((data / "pairs").glob("*.npy"))]


def tensor(faces: npt.NDArray[np.uint8]) -> Tensor:
    """Turn (N, H, W, 3) uint8 into (N, 3, H, W) float32, 0-1."""
    return torch.from_numpy(np.ascontiguousarray(faces)).permute(0, 3, 1, 2).contiguous().float().div_(255)


def pair(faces: dict[int, npt.NDArray[np.uint8]], number: int) -> tuple[Pixels, Pixels]:
    """Return pair `number`, each (256, 256, 3) uint8 RGB."""
    draw = np.random.default_rng((_SEED, number))
    packed = faces[512 if draw.random() < _SHARP_SHARE else 256]
    clean = retouch(place(packed[draw.integers(len(packed))], draw), draw)
    worse = degrade(clean, draw)
    return half(worse), half(clean)


def half(face: Pixels) -> Pixels:
    """Reduce a face of 512 to 256 as the network does; one of 256 stays."""
    return np.asarray(cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def place(face: Pixels, draw: np.random.Generator) -> Pixels:
    """Mirror half of the faces; shift, turn and scale half: landmarks err, and crops are tight or loose."""
    side = face.shape[0]
    if draw.random() < 0.5:
        face = face[:, ::-1]
    if draw.random() < 0.5:
        return np.ascontiguousarray(face)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), draw.normal(0, 4), draw.uniform(0.88, 1.15))
    matrix = matrix + np.pad(draw.normal(0, side / 64, (2, 1)), ((0, 0), (2, 0)))
    border = cv2.BORDER_CONSTANT if draw.random() < 0.3 else cv2.BORDER_REFLECT_101
    return np.asarray(
        cv2.warpAffine(
            np.ascontiguousarray(face), matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=border,
            borderValue=_PADDING,
        ),
        np.uint8,
    )  # fmt: skip


def retouch(face: Pixels, draw: np.random.Generator) -> Pixels:
    """Change the tones of a target as its input's will be: grey, sepia, faded, cast, darker, lighter.

    The network must keep what tone it finds, since the face goes back into its photo.
    """
    kind = draw.random()
    if kind < 0.4:
        return face
    table = np.repeat(np.arange(256.0)[:, None], 3, 1)
    if kind < 0.65:
        face = np.asarray(cv2.cvtColor(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
        if kind < 0.5:
            table *= draw.uniform((1.0, 0.9, 0.7), (1.08, 1.0, 0.95))
    if draw.random() < 0.5:
        low, high = draw.uniform(0, 45), draw.uniform(190, 255)
        table = low + (np.clip(table, 0, 255) / 255) ** draw.uniform(0.75, 1.35) * (high - low)
    if kind >= 0.65:
        table = table * draw.uniform(0.88, 1.1, 3) + draw.uniform(-12, 12, 3)
    table = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.ascontiguousarray(face), table[None]), np.uint8)


def write(data: Path, file: int) -> None:
    """Make one file whole, or leave none."""
    cv2.setNumThreads(1)
    faces = {side: np.load(data / f"faces{side}.npy", mmap_mode="r") for side in SIDES}
    target = data / "pairs" / f"{file:03}.npy"
    partial_file = target.with_suffix(".partial")
    made = np.lib.format.open_memmap(partial_file, "w+", np.uint8, (PAIRS_A_FILE, 2, SIDE, SIDE, 3))
    for place_in_file in range(PAIRS_A_FILE):
        made[place_in_file] = pair(faces, file * PAIRS_A_FILE + place_in_file)
    made.flush()
    partial_file.replace(target)


def main() -> None:
    """Read the options and make what is missing, one process a core."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("--files", type=int, default=16, help="of 1000 pairs, 390 MB each")
    given = options.parse_args()
    (given.data / "pairs").mkdir(exist_ok=True)
    missing = [n for n in range(given.files) if not (given.data / "pairs" / f"{n:03}.npy").exists()]
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        pool.map(partial(write, given.data), missing, chunksize=1)


if __name__ == "__main__":
    main()
