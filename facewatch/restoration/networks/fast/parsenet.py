"""ParseNet, which tells the parts of a face apart, as plain functions of its state dict.

After facexlib's ParseNet, by the layers' names of its published file. The batch norms stand still once the
training is over, so they are folded into the convolutions before them; the picture it also draws is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast import Precision
from facewatch.restoration.networks.fast.layers import Shelf, leaky
from facewatch.restoration.networks.fast.upsampling import NearestDoubling
from facewatch.restoration.networks.state_dict import StateDict

Parse: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""(N, 3, S, S) float32 RGB in [-1, 1], S a multiple of 32 -> (N, 19, S, S): the likeliest part is largest."""

_RESIZES = 4  # 512 to 32 pixels and back
_DEPTH = 10
_BATCH_NORM_EPS = 1e-5  # torch's, which the network leaves as it is


@dataclass(frozen=True, eq=False)
class ParseNet:
    """The network; a Parse."""

    entrance: _Mirrored
    down: tuple[_Down, ...]
    body: tuple[_Same, ...]
    up: tuple[_Up, ...]
    exit: _Mirrored

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        dtype = self.entrance.weight.dtype
        x = self.entrance(picture.to(dtype).contiguous(memory_format=torch.channels_last))
        for shrink in self.down:
            x = shrink(x)
        seen = x
        for block in self.body:
            x = block(x)
        x = x.add_(seen)
        for grow in self.up:
            x = grow(x)
        return self.exit(x)


@dataclass(frozen=True, eq=False)
class _Mirrored:
    """A 3x3 convolution of a picture that goes on as its mirror image beyond its rim."""

    weight: torch.Tensor  # (out, in, 3, 3)
    bias: torch.Tensor  # (out,)

    def __call__(self, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        return self.of_mirrored(mirrored(x), stride)

    def of_mirrored(self, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        """The same, of a picture that is `mirrored` already."""
        return F.conv2d(x, self.weight, self.bias, stride)


@dataclass(frozen=True, eq=False)
class _Same:
    """The same size."""

    first: _Mirrored
    second: _Mirrored

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(leaky(self.first(x))).add_(x)


@dataclass(frozen=True, eq=False)
class _Down:
    """Half the size."""

    first: _Mirrored
    second: _Mirrored
    shortcut: _Mirrored

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        x = mirrored(x)
        y = self.second(leaky(self.first.of_mirrored(x)), stride=2)
        return y.add_(self.shortcut.of_mirrored(x, stride=2))


@dataclass(frozen=True, eq=False)
class _Up:
    """Twice the size."""

    first: NearestDoubling  # and the shortcut, which sees the same, joined
    second: _Mirrored

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        first, shortcut = self.first(x).chunk(2, dim=1)
        return self.second(F.leaky_relu(first, 0.2)).add_(shortcut)


def mirrored(x: torch.Tensor) -> torch.Tensor:
    """The picture and one pixel more on each side, as in a mirror that stands on its outermost pixels."""
    return F.pad(x, (1, 1, 1, 1), mode="reflect")


def build(state: StateDict, device: str, precision: Precision) -> ParseNet:
    """The network on its device.

    state    as facexlib's ParseNet for 512 pixels and 19 parts accepts it; it is emptied while building
    """
    shelf = Shelf(state, device, precision)
    network = ParseNet(
        _plain(shelf, "encoder.0"),
        tuple(_down(shelf, f"encoder.{index}") for index in range(1, _RESIZES + 1)),
        tuple(_same(shelf, f"body.{index}") for index in range(_DEPTH)),
        tuple(_up(shelf, f"decoder.{index}") for index in range(_RESIZES)),
        _plain(shelf, "out_mask_conv"),
    )
    state.clear()
    return network


def _plain(shelf: Shelf, name: str) -> _Mirrored:
    return _Mirrored(shelf.take(f"{name}.conv2d.weight"), shelf.take(f"{name}.conv2d.bias"))


def _same(shelf: Shelf, name: str) -> _Same:
    return _Same(_folded(shelf, f"{name}.conv1"), _folded(shelf, f"{name}.conv2"))


def _down(shelf: Shelf, name: str) -> _Down:
    return _Down(
        _folded(shelf, f"{name}.conv1"),
        _folded(shelf, f"{name}.conv2"),
        _plain(shelf, f"{name}.shortcut_func"),
    )


def _up(shelf: Shelf, name: str) -> _Up:
    weight, bias = _fold(shelf, f"{name}.conv1")
    shortcut = f"{name}.shortcut_func.conv2d"
    weight = torch.cat([weight, shelf.take(f"{shortcut}.weight", torch.float32)])
    bias = torch.cat([bias, shelf.take(f"{shortcut}.bias", torch.float32)])
    joined = NearestDoubling.of(weight, bias, shelf.dtype, mirrored=True)
    return _Up(joined, _folded(shelf, f"{name}.conv2"))


def _folded(shelf: Shelf, name: str) -> _Mirrored:
    weight, bias = _fold(shelf, name)
    return _Mirrored(
        weight.to(shelf.dtype).contiguous(memory_format=torch.channels_last), bias.to(shelf.dtype)
    )


def _fold(shelf: Shelf, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The weight and bias, float32, of the convolution called `name` and the batch norm that follows it."""
    scale, shift, mean, variance = (
        shelf.take(f"{name}.norm.norm.{part}", torch.float32)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = scale / (variance + _BATCH_NORM_EPS).sqrt()
    weight = shelf.take(f"{name}.conv2d.weight", torch.float32) * gain[:, None, None, None]
    return weight, shift - mean * gain
