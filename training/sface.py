"""Read OpenCV's SFace (Apache-2.0) from its ONNX file into torch, to learn from what it sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from training.faces import sface_crop_matrix

SFACE = "face_recognition_sface_2021dec.onnx"
COMPACT = "sface.safetensors"
_STRIDES = (1, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)  # of the fourteen depthwise separable stages
_TAPS = (2, 4, 6)  # stages, counted from 0, whose features are compared: 56, 28 and 14 positions a side
_CONV_EPSILON, _LAST_EPSILON = 1e-3, 2e-5
_SIDE = 112


class SFace(nn.Module):
    """Embed faces; batch normalisation is folded into the convolutions, and no weight learns.

    folder  holds the ONNX file, or what `training.bundle` made of it
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        if (folder / COMPACT).exists():
            stored = {name: values.float() for name, values in load_file(folder / COMPACT).items()}
        else:
            stored = {name: torch.from_numpy(values) for name, values in read_tensors(folder / SFACE)}
        names = ["conv_1"] + [f"conv_{i}{part}" for i in range(2, 15) for part in ("_dw", "")]
        strides = [1] + [s for stride in _STRIDES[1:] for s in (stride, 1)]
        self._layers = [
            (*_folded(stored, name), stride, name.endswith("_dw"), stored[f"{name}_relu_gamma"].flatten())
            for name, stride in zip(names, strides, strict=True)
        ]
        scale, shift = _normalisation(stored, "bn1", _LAST_EPSILON)
        weight = stored["pre_fc1_weight"].view(128, 1024, 49)
        bias = stored["pre_fc1_bias"] + (weight * shift[None, :, None]).sum((1, 2))
        scale_out, shift_out = _normalisation(stored, "fc1", _LAST_EPSILON)
        weight = (weight * scale[None, :, None]).flatten(1) * scale_out[:, None]
        self._last = (weight, bias * scale_out + shift_out)
        self._grid = _sampling_grid()

    def forward(self, faces: Tensor, glance: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Embed aligned crops.

        faces    (N, 3, S, S) RGB, 0-1; S is 512 or 256
        glance   (2, 3) similarity that moves the places sampled, -1 to 1 over the crop; None: as aligned
        returns  (N, 128) of length 1, and features of three stages, each with unit mean square per position
        """
        # An area mean first: bilinear sampling at a quarter of the size would skip pixels.
        small = functional.avg_pool2d(faces, faces.shape[-1] // 128) if faces.shape[-1] > 128 else faces
        grid = self._grid.to(faces)
        if glance is not None:
            grid = grid @ glance[:, :2].T.to(faces) + glance[:, 2].to(faces)
        grid = grid.expand(len(faces), -1, -1, -1)
        x = functional.grid_sample(small, grid, align_corners=False, padding_mode="border")
        x = (x * 255 - 127.5) / 128
        features = []
        for place, (weight, bias, stride, depthwise, slope) in enumerate(self._layers):
            groups = x.shape[1] if depthwise else 1
            x = functional.conv2d(x, weight.to(x), bias.to(x), stride, weight.shape[-1] // 2, 1, groups)
            x = functional.prelu(x, slope.to(x))
            if not depthwise and place // 2 in _TAPS:
                features.append(x)
        weight, bias = self._last
        return functional.normalize(functional.linear(x.flatten(1), weight.to(x), bias.to(x))), features


def read_tensors(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and values of each float32 initializer of an ONNX file."""
    for graph in _fields(memoryview(file.read_bytes()), 7):
        for tensor in _fields(graph, 5):
            shape = [_number(field) for field in _fields(tensor, 1)]
            name = bytes(next(_fields(tensor, 8))).decode()
            raw = next(_fields(tensor, 9), None)
            if raw is None:
                raw = next(_fields(tensor, 4), memoryview(b""))
            values = np.frombuffer(raw, np.float32).copy()
            if values.size == int(np.prod(shape)):
                yield name, values.reshape(shape)


def _fields(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """Yield the contents of a protobuf message's fields of one number (wire format 3)."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        start = place
        if key & 7 == 0:
            _, place = _varint(message, place)
        elif key & 7 == 2:
            length, start = _varint(message, place)
            place = start + length
        else:
            place += 8 if key & 7 == 1 else 4
        if key >> 3 == wanted:
            yield message[start:place]


def _number(field: memoryview) -> int:
    return _varint(field, 0)[0]


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Read seven bits a byte, the lowest first; return the number and where it ends."""
    number = shift = 0
    while True:
        byte = message[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place


def _normalisation(stored: dict[str, Tensor], name: str, epsilon: float) -> tuple[Tensor, Tensor]:
    """Return the scale and shift that a batch normalisation amounts to."""
    scale = stored[f"{name}_gamma"] / torch.sqrt(stored[f"{name}_moving_var"] + epsilon)
    return scale, stored[f"{name}_beta"] - stored[f"{name}_moving_mean"] * scale


def _folded(stored: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a convolution with its normalisation."""
    scale, shift = _normalisation(stored, f"{name}_batchnorm", _CONV_EPSILON)
    return stored[f"{name}_conv2d_weight"] * scale[:, None, None, None], shift


def _sampling_grid() -> Tensor:
    """Return where SFace's pixels lie in a crop of 128, (1, 112, 112, 2), -1 to 1 over the crop."""
    matrix = np.vstack([sface_crop_matrix(512), (0, 0, 1)])
    back = np.linalg.inv(matrix)[:2]
    y, x = np.mgrid[:_SIDE, :_SIDE]
    places = np.stack([x, y, np.ones_like(x)], -1) @ back.T
    return torch.from_numpy((2 * places + 1) / 512 - 1).float()[None]
