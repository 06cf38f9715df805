"""Layers that DFDNet and DMDNet share."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn


class Convolution(nn.Module):
    """A 3x3 convolution divided by its spectral norm, as torch's `spectral_norm` stores it."""

    def __init__(self, before: int, after: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(after))
        self.weight_orig = nn.Parameter(torch.empty(after, before, 3, 3))
        self.register_buffer("weight_u", torch.empty(after))
        self.register_buffer("weight_v", torch.empty(before * 9))
        self._stride, self._dilation = stride, dilation

    def settle(self, dtype: torch.dtype) -> None:
        """Divide the weights and convert them for the computation, once."""
        left, right = self.get_buffer("weight_u"), self.get_buffer("weight_v")
        spectral = left @ (self.weight_orig.flatten(1) @ right)
        plain = (self.weight_orig / spectral).to(dtype, memory_format=torch.channels_last)
        self.weight_orig = nn.Parameter(plain, requires_grad=False)
        self.bias = nn.Parameter(self.bias.to(dtype), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight_orig, self.bias, self._stride, self._dilation, self._dilation)


def pair(before: int, after: int, *, stride: int = 1, dilations: tuple[int, int] = (1, 1)) -> nn.Sequential:
    """Return two convolutions with an activation between them."""
    first = Convolution(before, after, stride, dilations[0])
    return nn.Sequential(first, nn.LeakyReLU(0.2), Convolution(after, after, dilation=dilations[1]))


class Dilated(nn.Module):
    """Adds what four dilations see."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for number, dilation in enumerate((4, 3, 2, 1), start=1):
            self.add_module(f"conv{number}", pair(channels, channels, dilations=(dilation, dilation)))
        self.convi = Convolution(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        views = [self.get_submodule(f"conv{number}")(x) for number in range(1, 5)]
        y: Tensor = self.convi(torch.cat(views, 1)) + x
        return y


def resized(x: Tensor, height: int, width: int) -> Tensor:
    """Return pictures or features at another size."""
    return F.interpolate(x, (height, width), mode="bilinear", align_corners=False)
