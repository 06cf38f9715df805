"""Upscaling by a network in tiles without seams, loaded by spandrel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError, canonicalize_state_dict

from facewatch.errors import BadCheckpoint, NetworkFailed, OutOfMemory
from facewatch.restoration.networks.fast import Precision
from facewatch.restoration.networks.state_dict import StateDict, read_state_dict
from facewatch.restoration.networks.torch_errors import translate_torch_errors
from facewatch.restoration.types import Pixels

OnTile = Callable[[int, int], None]
"""Called with the number of tiles done, and their total."""

_SMALLEST_TILE = 64
# Context beyond a tile, in pixels at the resolution of the network's trunk. The trained x4plus has a large
# receptive field: with 16 px of context a pixel is off by up to 33 of 255, with 32 by 19, with 64 by 3, with
# 96 by 0.3, with 112 by 0.03. Compact is 34 convolutions of 3x3, for which this is exact.
_PADDING = {"ESRGAN": 112, "Compact": 36}
_DEFAULT_PADDING = 64
_STEP = 4  # tiles begin on its multiples, so that networks that unshuffle pixels see the same phase

_PURPOSES = {
    "FaceSR": "which restores faces: set it as model",
    "Restoration": "which cleans pictures but does not enlarge them",
    "Inpainting": "which fills holes",
}
_OTHER_NETWORKS = {
    "BboxHead.0.conv1x1.weight": "RetinaFace, which finds faces: set it as detector",
    "out_mask_conv.conv2d.weight": "ParseNet, which draws masks",
}


@dataclass(frozen=True)
class _Span:
    """One tile along one axis, in pixels of the picture."""

    start: int  # the tile itself
    stop: int
    window_start: int  # the input of the network: the tile and its padding
    window_stop: int

    def place(self, scale: int) -> slice:
        """Return the tile's slice of the enlarged picture."""
        return slice(self.start * scale, self.stop * scale)

    def core(self, scale: int) -> slice:
        """Return the tile's slice of the enlarged window."""
        return slice((self.start - self.window_start) * scale, (self.stop - self.window_start) * scale)


class RealESRGAN:
    """An upscaling network in tiles: Real-ESRGAN, or any other that spandrel supports."""

    def __init__(
        self,
        checkpoint: Path,
        name: str,
        device: str,
        tile: int = 512,
        padding: int | None = None,
        *,
        precision: Precision = "float32",
    ) -> None:
        """Load the network.

        name       in messages
        tile       side of a tile in pixels of the picture, without the padding
        padding    pixels around a tile that are computed and discarded; by default what the network needs
        precision  of the convolutions for pictures of 8 bits; deeper ones take float32

        Raises BadCheckpoint when the file is not an upscaler, saying what it looks like; OutOfMemory.
        """
        self.name = name
        self._device = torch.device(device)
        self._network = _load(read_state_dict(checkpoint))
        with translate_torch_errors(f"hold {name}"):
            self._network.to(self._device)
        self._step = math.lcm(_STEP, self._network.size_requirements.multiple_of)
        needed = padding if padding is not None else _needed_padding(self._network)
        self._padding = _round_up(needed, self._step)
        self._tile = tile
        self._precision = precision

    @property
    def padding(self) -> int:
        """Pixels around each tile in the network's input."""
        return self._padding

    def enlarge(self, image: Pixels, scale: int, on_tile: OnTile | None = None) -> Pixels:
        """Return the picture `scale` times as large, of the same dtype, resized from the network's own scale.

        image    (H, W, 3) uint8 or uint16 RGB, of any size
        scale    1-4; 1 shrinks the network's enlarged picture back

        If a tile does not fit in memory, the tiles are halved from then on, down to 64 pixels.
        Raises OutOfMemory when not even such a tile fits, NetworkFailed when the network returns NaN.
        """
        while True:
            try:
                return self._enlarge_tiled(image, scale, on_tile)
            except OutOfMemory:
                if self._tile <= _SMALLEST_TILE:
                    raise
            self._tile = max(self._tile // 2, _SMALLEST_TILE)

    def _enlarge_tiled(self, image: Pixels, scale: int, on_tile: OnTile | None) -> Pixels:
        height, width = image.shape[:2]
        extra_width, extra_height = self._network.size_requirements.get_padding(width, height)
        widths = ((0, extra_height), (0, extra_width), (0, 0))
        padded = cast("Pixels", np.pad(image, widths, mode="reflect"))
        larger = np.empty((height * scale, width * scale, 3), image.dtype)
        rows = list(self._spans(height, padded.shape[0]))
        columns = list(self._spans(width, padded.shape[1]))
        for done, (row, column) in enumerate(((r, c) for r in rows for c in columns), start=1):
            window = padded[row.window_start : row.window_stop, column.window_start : column.window_stop]
            part = self._enlarge_window(window, scale)
            larger[row.place(scale), column.place(scale)] = part[row.core(scale), column.core(scale)]
            if on_tile:
                on_tile(done, len(rows) * len(columns))
        return larger

    def _spans(self, length: int, padded_length: int) -> Iterator[_Span]:
        """Yield tiles of nearly equal size along one axis."""
        count = math.ceil(length / self._tile)
        size = _round_up(math.ceil(length / count), self._step)
        for start in range(0, length, size):
            stop = min(start + size, length)
            window_stop = min(_round_up(stop + self._padding, self._step), padded_length)
            yield _Span(start, stop, max(start - self._padding, 0), window_stop)

    def _enlarge_window(self, window: Pixels, scale: int) -> Pixels:
        peak = np.float32(65535 if window.dtype == np.uint16 else 255)
        with self._rounding(window.dtype):
            larger = self._run(window.astype(np.float32) / peak)
        if self._network.scale != scale:
            # Whole pixels of the picture are whole pixels before and after, so a window and the whole picture
            # are resized alike.
            interpolation = cv2.INTER_AREA if scale < self._network.scale else cv2.INTER_LANCZOS4
            size = (window.shape[1] * scale, window.shape[0] * scale)
            larger = cv2.resize(larger, size, interpolation=interpolation).astype(np.float32, copy=False)
        levels: npt.NDArray[np.float32] = np.rint(np.clip(larger, 0, 1) * peak)
        return levels.astype(np.uint8) if window.dtype == np.uint8 else levels.astype(np.uint16)

    def _rounding(self, depth: npt.DTypeLike) -> AbstractContextManager[object]:
        """Return a context in which torch rounds the factors of convolutions to the precision."""
        rounded = self._precision != "float32" and depth == np.uint8
        dtype = getattr(torch, self._precision) if rounded else torch.bfloat16
        return torch.autocast(self._device.type, dtype, enabled=rounded)

    def _run(self, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the picture at the network's own scale, (h, w, 3) float32, about 0-1."""
        with translate_torch_errors(f"enlarge one tile with {self.name}"), torch.inference_mode():
            batch = torch.from_numpy(picture).to(self._device).permute(2, 0, 1)[None]
            output = self._network(batch.contiguous())[0].float()
            if bool(torch.isnan(output).any()):
                raise NetworkFailed(
                    f"{self.name} returned NaN: verify the model's file, or try another device."
                )
            return np.asarray(output.permute(1, 2, 0).cpu().numpy(), dtype=np.float32)


def _load(state: StateDict) -> ImageModelDescriptor[Any]:
    for key, network in _OTHER_NETWORKS.items():
        if key in state:
            raise BadCheckpoint(f"The file is not an upscaler; it looks like {network}.")
    try:
        descriptor = ModelLoader("cpu").load_from_state_dict(canonicalize_state_dict(state))
    except UnsupportedModelError as error:
        raise BadCheckpoint(
            "The file is not a known network: an upscaler must be a Real-ESRGAN file, or another "
            "that spandrel supports."
        ) from error
    except (RuntimeError, LookupError, ValueError, TypeError, AssertionError) as error:
        raise BadCheckpoint(
            "The file looks like a known network but does not fit it: it may be another version, "
            "or incomplete. Download it again."
        ) from error
    kind = descriptor.architecture.name
    if not isinstance(descriptor, ImageModelDescriptor) or descriptor.purpose != "SR":
        raise BadCheckpoint(
            f"The file is not an upscaler; it looks like {kind}, {_PURPOSES[descriptor.purpose]}."
        )
    if descriptor.input_channels != 3 or descriptor.output_channels != 3:
        raise BadCheckpoint(f"The file looks like {kind}, an upscaler, but not one for RGB pictures.")
    descriptor.model.requires_grad_(requires_grad=False).eval()
    return descriptor


def _needed_padding(network: ImageModelDescriptor[Any]) -> int:
    """Return the context that a tile needs beyond its edge, in pixels of the picture."""
    factor = getattr(network.model, "shuffle_factor", None) or 1  # x2plus works at half the picture's size
    return _PADDING.get(network.architecture.id, _DEFAULT_PADDING) * int(factor)


def _round_up(length: int, step: int) -> int:
    return math.ceil(length / step) * step
