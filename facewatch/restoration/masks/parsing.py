"""Blending masks from a parsing network: face and hair of each restored crop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from facexlib.parsing.parsenet import ParseNet

from facewatch.errors import BadCheckpoint, NetworkFailed, OutOfMemory
from facewatch.restoration.masks.oval import soften
from facewatch.restoration.networks.fast import Precision, parsenet
from facewatch.restoration.networks.state_dict import StateDict, blank, read_state_dict
from facewatch.restoration.networks.torch_errors import translate_torch_errors
from facewatch.restoration.types import CROP_SIZE, Crop, Mask

_LABELS = 19
# By CelebAMask-HQ's labels: skin, features, ears, hair and earring are pasted; background, hat, necklace,
# neck and clothes (0, 14, 16, 17, 18) are not.
_PASTED = np.array([0, *[255] * 13, 0, 255, 0, 0, 0], dtype=np.uint8)
_BATCH_ON_CARD = 4  # crops at once; a batch that does not fit is halved
_BATCH_ON_CPU = 1  # more do not make a processor faster, and each takes a third of a gigabyte


class ParseMask:
    """Masks of face and hair by ParseNet, as in the models' own scripts; a Masker."""

    def __init__(
        self,
        checkpoint: Path,
        device: str,
        precision: Precision = "float32",
        *,
        input_size: Literal[512, 256] = 512,
    ) -> None:
        """Load ParseNet.

        precision     of the computation
        input_size    side of its input, pixels; it was trained on 512, and is four times as fast on 256,
                      where small parts (a lip, an earring) are recognised less well

        Raises BadCheckpoint when the file is not ParseNet's, OutOfMemory when it does not fit on the device.
        """
        self._device = torch.device(device)
        self._batch = _BATCH_ON_CPU if self._device.type == "cpu" else _BATCH_ON_CARD
        self._shrink = CROP_SIZE // input_size
        state = read_state_dict(checkpoint)
        _check(state)
        with translate_torch_errors("load the parsing network"):
            self._network: parsenet.Parse = parsenet.build(state, device, precision)

    def masks(self, crops: Sequence[Crop]) -> list[Mask]:
        """Return one mask per restored crop.

        Raises NetworkFailed when the network's output is NaN, OutOfMemory when not even one crop fits.
        """
        return [soften(_PASTED[labels]) for labels in self._labels(crops)]

    def _labels(self, crops: Sequence[Crop]) -> list[npt.NDArray[np.uint8]]:
        """Return the label of each pixel, (512, 512) uint8 0-18 for each crop."""
        found: list[npt.NDArray[np.uint8]] = []
        while len(found) < len(crops):
            batch = crops[len(found) : len(found) + self._batch]
            try:
                found.extend(self._parse(batch))
                continue
            except OutOfMemory:
                if len(batch) == 1:
                    raise
            self._batch = len(batch) // 2
        return found

    def _parse(self, crops: Sequence[Crop]) -> npt.NDArray[np.uint8]:
        with translate_torch_errors("parse one face"), torch.inference_mode():
            pixels = torch.from_numpy(np.stack(crops)).to(self._device)
            picture = pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
            likeliest, labels = self._network(F.avg_pool2d(picture, self._shrink)).max(1)
            if not bool(torch.isfinite(likeliest).all()):  # NaN compares as the largest
                raise NetworkFailed(
                    "The parsing network returned NaN or infinite scores: download its file again, "
                    "or set mask to soft."
                )
            small = labels.to(torch.uint8)
            whole = small.repeat_interleave(self._shrink, 1).repeat_interleave(self._shrink, 2)
            return np.asarray(whole.cpu().numpy(), dtype=np.uint8)


def _check(state: StateDict) -> None:
    """Raise BadCheckpoint unless the published ParseNet accepts exactly these tensors."""
    with blank():
        network: torch.nn.Module = ParseNet(in_size=CROP_SIZE, out_size=CROP_SIZE, parsing_ch=_LABELS)
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise BadCheckpoint(
            "The file does not hold ParseNet's weights: remove it and download parsenet again, "
            "or set mask to soft."
        ) from error
