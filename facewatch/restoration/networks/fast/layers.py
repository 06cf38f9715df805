"""Layers as the fast networks compute them: weights laid out as torch likes them, fewer steps between."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast import Precision
from facewatch.restoration.networks.state_dict import StateDict

_SPREAD = torch.channels_last


@dataclass(frozen=True)
class Shelf:
    """A state dict that is emptied while a network is built, so that no weight is held twice for long."""

    state: StateDict
    device: str
    precision: Precision

    @property
    def dtype(self) -> torch.dtype:
        """What the convolutions compute in."""
        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype

    def take(self, key: str, dtype: torch.dtype | None = None) -> torch.Tensor:
        """One tensor on the device, as `dtype` (the network's own when not given); images channels last."""
        tensor, wanted = self.state.pop(key), dtype or self.dtype
        if tensor.ndim == 4:
            return tensor.to(self.device, wanted, memory_format=_SPREAD)
        return tensor.to(self.device, wanted).contiguous()

    def linear(self, name: str, dtype: torch.dtype | None = None) -> Linear:
        """The linear layer called `name`."""
        return Linear(self.take(f"{name}.weight", dtype), self.take(f"{name}.bias", dtype))

    def convolution(self, name: str) -> Convolution:
        """The convolution called `name`."""
        bias = self.take(f"{name}.bias") if f"{name}.bias" in self.state else None
        return Convolution(self.take(f"{name}.weight"), bias)

    def side_by_side(self, *names: str, groups: int = 1) -> Convolution:
        """Several convolutions as one: of the same picture, or with `groups` each of its own channels."""
        parts = [self.convolution(name) for name in names]
        weight = torch.cat([part.weight for part in parts]).contiguous(memory_format=_SPREAD)
        return Convolution(weight, torch.cat([part.bias for part in parts if part.bias is not None]), groups)


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer."""

    weight: torch.Tensor  # (out, in)
    bias: torch.Tensor  # (out,)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in) -> (N, out)."""
        return F.linear(x, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution that keeps the picture's size."""

    weight: torch.Tensor  # (out, in / groups, k, k), k odd
    bias: torch.Tensor | None  # (out,)
    groups: int = 1

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in, H, W) -> (N, out, H, W)."""
        return F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2, groups=self.groups)

    def without_bias(self) -> Convolution:
        """The same, adding nothing."""
        return replace(self, bias=None)

    def scaled(self, before: torch.Tensor, after: torch.Tensor | None) -> Convolution:
        """The same with each input channel scaled by `before` (1, in) and each output by `after` (1, out)."""
        factors = before if after is None else after.t() * before
        return replace(self, weight=self.weight * factors[:, :, None, None].to(self.weight.dtype))


@dataclass(frozen=True, eq=False)
class DoublingConvolution:
    """The picture `doubled`, then a 3x3 convolution.

    Bilinear doubling puts zeros between the pixels and blurs by (1, 3, 3, 1) / 4 both ways. Blurring and
    convolving may change places, and a convolution need not look at zeros: as a transposed convolution of
    stride 2 it takes a quarter of the steps, and the blur goes channel by channel. Only at the rim, where
    `doubled` repeats pixels and the convolution sees zeros, is it computed as it is written.
    """

    weight: torch.Tensor  # (in, out, 3, 3): the convolution's, its windows turned by half
    bias: torch.Tensor | None  # (out,)
    blur: torch.Tensor  # (out, 1, 4, 4)

    @classmethod
    def of(cls, plain: Convolution) -> DoublingConvolution:
        """The convolution `plain` of a doubled picture."""
        weight = plain.weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=_SPREAD)
        row = weight.new_tensor([0.25, 0.75, 0.75, 0.25])
        blur = torch.outer(row, row).expand(weight.shape[1], 1, 4, 4).contiguous()
        return cls(weight, plain.bias, blur)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in, H, W) -> (N, out, 2 H, 2 W); H and W at least 3."""
        if x.device.type != "cpu":  # graphics cards have steps to spare, and want few and large calls
            return self.as_written(x)
        y = F.conv_transpose2d(x, self.weight, stride=2)
        y = F.conv2d(y, self.blur, self.bias, padding=1, groups=len(self.blur))
        # The two outermost pixels feel the rim; they depend on no more than the three outermost of `x`.
        top, bottom = self.as_written(torch.cat([x[:, :, :3], x[:, :, -3:]])).chunk(2)
        left, right = self.as_written(torch.cat([x[:, :, :, :3], x[:, :, :, -3:]])).chunk(2)
        y[:, :, :2], y[:, :, -2:] = top[:, :, :2], bottom[:, :, -2:]
        y[:, :, :, :2], y[:, :, :, -2:] = left[:, :, :, :2], right[:, :, :, -2:]
        return y

    def as_written(self, x: torch.Tensor) -> torch.Tensor:
        """The same by its definition, for every device."""
        return F.conv_transpose2d(doubled(x), self.weight, self.bias, padding=1)

    def without_bias(self) -> DoublingConvolution:
        """The same, adding nothing."""
        return replace(self, bias=None)

    def scaled(self, before: torch.Tensor, after: torch.Tensor | None) -> DoublingConvolution:
        """The same with each input channel scaled by `before` (1, in) and each output by `after` (1, out)."""
        factors = before.t() if after is None else before.t() * after
        return replace(self, weight=self.weight * factors[:, :, None, None].to(self.weight.dtype))


def leaky(x: torch.Tensor) -> torch.Tensor:
    """Leaky ReLU of slope 0.2, in place."""
    return F.leaky_relu_(x, 0.2)


def doubled(x: torch.Tensor) -> torch.Tensor:
    """Twice as high and wide, bilinear, pixels as areas, the outermost repeated."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def halved(x: torch.Tensor) -> torch.Tensor:
    """Half as high and wide: at exactly half the size, bilinear is the mean of each 2x2."""
    return F.avg_pool2d(x, 2)
