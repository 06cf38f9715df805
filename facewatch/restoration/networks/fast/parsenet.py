"""ParseNet, which labels the parts of a face, built from its state dict.

After facexlib's ParseNet, with the layer names of its published file. Batch norms are constant after
training, so they are folded into the convolutions before them; the network's picture output is omitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast import Precision
from facewatch.restoration.networks.fast.layers import Weights, leaky_relu_
from facewatch.restoration.networks.fast.upsampling import NearestUpsampleConvolution
from facewatch.restoration.networks.state_dict import StateDict

Parse: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""(N, 3, S, S) float32 RGB in [-1, 1], S a multiple of 32 -> (N, 19, S, S) scores of the parts."""

_RESIZES = 4  # 512 to 32 pixels and back
_DEPTH = 10
_BATCH_NORM_EPS = 1e-5  # torch's default, which the network uses


@dataclass(frozen=True, eq=False)
class ParseNet:
    """The network; a Parse."""

    entrance: _ReflectConvolution
    down: tuple[_DownBlock, ...]
    body: tuple[_Block, ...]
    up: tuple[_UpBlock, ...]
    exit: _ReflectConvolution

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        dtype = self.entrance.weight.dtype
        x = self.entrance(picture.to(dtype).contiguous(memory_format=torch.channels_last))
        for down in self.down:
            x = reflect_pad(x)  # here, so that the picture before it is freed
            x = down(x)
        skip = x
        for block in self.body:
            x = block(x)
        x = x.add_(skip)
        for up in self.up:
            x = up(x)
        return self.exit(x)


@dataclass(frozen=True, eq=False)
class _ReflectConvolution:
    """A 3x3 convolution with reflection padding."""

    weight: torch.Tensor  # (out, in, 3, 3)
    bias: torch.Tensor  # (out,)

    def __call__(self, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        return self.of_padded(reflect_pad(x), stride)

    def of_padded(self, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        """Convolve a picture that is already padded."""
        return F.conv2d(x, self.weight, self.bias, stride)


@dataclass(frozen=True, eq=False)
class _Block:
    """A residual block that keeps the size."""

    first: _ReflectConvolution
    second: _ReflectConvolution

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(leaky_relu_(self.first(x))).add_(x)


@dataclass(frozen=True, eq=False)
class _DownBlock:
    """A residual block that halves the size of a picture that is already padded."""

    first: _ReflectConvolution
    second: _ReflectConvolution
    shortcut: _ReflectConvolution

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        y = self.second(leaky_relu_(self.first.of_padded(x)), stride=2)
        return y.add_(self.shortcut.of_padded(x, stride=2))


@dataclass(frozen=True, eq=False)
class _UpBlock:
    """A residual block that doubles the size."""

    first: NearestUpsampleConvolution  # joined with the shortcut, which has the same input
    second: _ReflectConvolution

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        first, shortcut = self.first(x).chunk(2, dim=1)
        # Padded first: activating every other half of a pixel's channels takes ten times as long.
        return self.second.of_padded(leaky_relu_(reflect_pad(first))).add_(shortcut)


def reflect_pad(x: torch.Tensor) -> torch.Tensor:
    """Pad by one reflected pixel on each side."""
    return F.pad(x, (1, 1, 1, 1), mode="reflect")


def build(state: StateDict, device: str, precision: Precision) -> ParseNet:
    """Build the network on its device.

    state    as facexlib's ParseNet for 512 pixels and 19 parts accepts it; it is emptied meanwhile
    """
    weights = Weights(state, device, precision)
    network = ParseNet(
        _convolution(weights, "encoder.0"),
        tuple(_down_block(weights, f"encoder.{index}") for index in range(1, _RESIZES + 1)),
        tuple(_block(weights, f"body.{index}") for index in range(_DEPTH)),
        tuple(_up_block(weights, f"decoder.{index}") for index in range(_RESIZES)),
        _convolution(weights, "out_mask_conv"),
    )
    state.clear()
    return network


def _convolution(weights: Weights, name: str) -> _ReflectConvolution:
    return _ReflectConvolution(weights.take(f"{name}.conv2d.weight"), weights.take(f"{name}.conv2d.bias"))


def _block(weights: Weights, name: str) -> _Block:
    return _Block(
        _folded_convolution(weights, f"{name}.conv1"), _folded_convolution(weights, f"{name}.conv2")
    )


def _down_block(weights: Weights, name: str) -> _DownBlock:
    return _DownBlock(
        _folded_convolution(weights, f"{name}.conv1"),
        _folded_convolution(weights, f"{name}.conv2"),
        _convolution(weights, f"{name}.shortcut_func"),
    )


def _up_block(weights: Weights, name: str) -> _UpBlock:
    weight, bias = _fold(weights, f"{name}.conv1")
    shortcut = f"{name}.shortcut_func.conv2d"
    weight = torch.cat([weight, weights.take(f"{shortcut}.weight", torch.float32)])
    bias = torch.cat([bias, weights.take(f"{shortcut}.bias", torch.float32)])
    joined = NearestUpsampleConvolution.of(weight, bias, weights.dtype, reflect=True)
    return _UpBlock(joined, _folded_convolution(weights, f"{name}.conv2"))


def _folded_convolution(weights: Weights, name: str) -> _ReflectConvolution:
    weight, bias = _fold(weights, name)
    return _ReflectConvolution(
        weight.to(weights.dtype).contiguous(memory_format=torch.channels_last), bias.to(weights.dtype)
    )


def _fold(weights: Weights, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight and bias, float32, of the convolution called `name` with the batch norm after it."""
    scale, shift, mean, variance = (
        weights.take(f"{name}.norm.norm.{part}", torch.float32)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = scale / (variance + _BATCH_NORM_EPS).sqrt()
    weight = weights.take(f"{name}.conv2d.weight", torch.float32) * gain[:, None, None, None]
    return weight, shift - mean * gain
