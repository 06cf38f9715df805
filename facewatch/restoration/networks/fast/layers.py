"""Layers of the fast networks: weights in torch's fastest layout, and fewer operations."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast import Precision
from facewatch.restoration.networks.state_dict import StateDict

_LAYOUT = torch.channels_last


@dataclass(frozen=True)
class Weights:
    """A state dict that is emptied while a network is built, so that weights are not held twice for long."""

    state: StateDict
    device: str
    precision: Precision

    @property
    def dtype(self) -> torch.dtype:
        """The data type of the convolutions."""
        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype

    def take(self, key: str, dtype: torch.dtype | None = None) -> torch.Tensor:
        """Remove a tensor and return it on the device, by default in `self.dtype`; 4-D: channels last."""
        tensor, wanted = self.state.pop(key), dtype or self.dtype
        if tensor.ndim == 4:
            return tensor.to(self.device, wanted, memory_format=_LAYOUT)
        return tensor.to(self.device, wanted).contiguous()

    def linear(self, name: str, dtype: torch.dtype | None = None) -> Linear:
        """Return the linear layer called `name`."""
        return Linear(self.take(f"{name}.weight", dtype), self.take(f"{name}.bias", dtype))

    def convolution(self, name: str) -> Convolution:
        """Return the convolution called `name`."""
        bias = self.take(f"{name}.bias") if f"{name}.bias" in self.state else None
        return Convolution(self.take(f"{name}.weight"), bias)

    def joined_convolution(self, *names: str, groups: int = 1) -> Convolution:
        """Return several convolutions as one: of the same input, or with `groups` of separate channels."""
        parts = [self.convolution(name) for name in names]
        weight = torch.cat([part.weight for part in parts]).contiguous(memory_format=_LAYOUT)
        return Convolution(weight, torch.cat([part.bias for part in parts if part.bias is not None]), groups)


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer."""

    weight: torch.Tensor  # (out, in)
    bias: torch.Tensor  # (out,)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, in) to (N, out)."""
        return F.linear(x, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution that keeps height and width."""

    weight: torch.Tensor  # (out, in / groups, k, k), k odd
    bias: torch.Tensor | None  # (out,)
    groups: int = 1

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, in, H, W) to (N, out, H, W)."""
        return F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2, groups=self.groups)

    def without_bias(self) -> Convolution:
        """Return the same convolution without a bias."""
        return replace(self, bias=None)

    def scaled(self, before: torch.Tensor, after: torch.Tensor | None) -> Convolution:
        """Return the same, with inputs scaled by `before` (1, in) and outputs by `after` (1, out)."""
        factors = before if after is None else after.t() * before
        return replace(self, weight=self.weight * factors[:, :, None, None].to(self.weight.dtype))


@dataclass(frozen=True, eq=False)
class UpsampleConvolution:
    """Bilinear upsampling by two, then a 3x3 convolution.

    Bilinear upsampling puts zeros between the pixels and blurs by (1, 3, 3, 1) / 4 along both axes. Blur and
    convolution commute, and a convolution can skip zeros: as a transposed convolution of stride 2 it takes a
    quarter of the operations, and the blur works channel by channel. Only at the rim, where `upsample`
    repeats pixels and the convolution sees zeros, it is computed by its definition.
    """

    weight: torch.Tensor  # (in, out, 3, 3): the convolution's, its kernels rotated by 180 degrees
    bias: torch.Tensor | None  # (out,)
    blur: torch.Tensor  # (out, 1, 4, 4)

    @classmethod
    def of(cls, plain: Convolution) -> UpsampleConvolution:
        """Return the fast form of `plain` on an upsampled input."""
        weight = plain.weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=_LAYOUT)
        row = weight.new_tensor([0.25, 0.75, 0.75, 0.25])
        blur = torch.outer(row, row).expand(weight.shape[1], 1, 4, 4).contiguous()
        return cls(weight, plain.bias, blur)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, in, H, W) to (N, out, 2 H, 2 W); H and W at least 2."""
        if x.device.type != "cpu":  # graphics cards compute fast, but need few and large calls
            return self.by_definition(x)
        y = F.conv_transpose2d(x, self.weight, stride=2)
        y = F.conv2d(y, self.blur, self.bias, padding=1, groups=len(self.blur))
        # The rim affects the two outermost pixels, which depend on the three outermost upsampled ones only.
        top, bottom = self._rim(x, 2)
        left, right = self._rim(x, 3)
        y[:, :, :2], y[:, :, -2:] = top[:, :, :2], bottom[:, :, -2:]
        y[:, :, :, :2], y[:, :, :, -2:] = left[:, :, :, :2], right[:, :, :, -2:]
        return y

    def _rim(self, x: torch.Tensor, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the outermost pixels at both ends of an axis; the innermost of the three are not right."""
        length = x.shape[axis]
        ends = torch.cat([x.narrow(axis, 0, 2), x.narrow(axis, length - 2, 2)])
        first, last = upsample(ends).chunk(2)
        outermost = torch.cat([first.narrow(axis, 0, 3), last.narrow(axis, 1, 3)])
        first, last = F.conv_transpose2d(outermost, self.weight, self.bias, padding=1).chunk(2)
        return first, last

    def by_definition(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the layer by its definition, on any device."""
        return F.conv_transpose2d(upsample(x), self.weight, self.bias, padding=1)

    def without_bias(self) -> UpsampleConvolution:
        """Return the same convolution without a bias."""
        return replace(self, bias=None)

    def scaled(self, before: torch.Tensor, after: torch.Tensor | None) -> UpsampleConvolution:
        """Return the same, with inputs scaled by `before` (1, in) and outputs by `after` (1, out)."""
        factors = before.t() if after is None else before.t() * after
        return replace(self, weight=self.weight * factors[:, :, None, None].to(self.weight.dtype))


def leaky_relu_(x: torch.Tensor) -> torch.Tensor:
    """Apply a leaky ReLU of slope 0.2, in place."""
    return F.leaky_relu_(x, 0.2)


def upsample(x: torch.Tensor) -> torch.Tensor:
    """Double height and width, bilinear, pixels as areas, the outermost repeated."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def downsample(x: torch.Tensor) -> torch.Tensor:
    """Halve height and width: at exactly half the size, bilinear is the mean of each 2x2."""
    return F.avg_pool2d(x, 2)
