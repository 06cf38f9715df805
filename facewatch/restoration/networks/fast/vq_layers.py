"""The layers of the networks that look up a face's parts in a codebook: CodeFormer and RestoreFormer.

Both are built on VQGAN (Esser et al. 2021); they differ in names, in heads, and in what picks the codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast.layers import Convolution, Shelf
from facewatch.restoration.networks.fast.upsampling import NearestDoubling

_GROUPS = 32


@dataclass(frozen=True, eq=False)
class Norm:
    """Group normalisation in 32 groups."""

    weight: torch.Tensor  # (channels,)
    bias: torch.Tensor  # (channels,)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return F.group_norm(x, _GROUPS, self.weight, self.bias, eps=1e-6)

    def active(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised, then SiLU."""
        return F.silu(self(x), inplace=True)


@dataclass(frozen=True, eq=False)
class Residual:
    """Two normalised convolutions beside a shortcut."""

    norm1: Norm
    first: Convolution
    norm2: Norm
    second: Convolution
    shortcut: Convolution | None  # 1x1, where the channels change

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(self.norm1.active(x))
        y = self.second(self.norm2.active(y))
        return y.add_(self.shortcut(x) if self.shortcut else x)


@dataclass(frozen=True, eq=False)
class Attention:
    """Every place of a small picture looks at all the others, or is asked by those of another picture."""

    norm: Norm
    norm_of_other: Norm | None
    query: Convolution
    key: Convolution
    value: Convolution
    out: Convolution
    heads: int

    def __call__(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        """(N, C, H, W) -> the same; `other`, of the same shape, asks in its place."""
        seen = self.norm(x)
        timed_calls = self.norm_of_other(other) if self.norm_of_other and other is not None else seen
        count, channels, height, width = x.shape
        split = (count, self.heads, channels // self.heads, height * width)
        query, key, value = (
            part.reshape(split).transpose(2, 3)
            for part in (self.query(timed_calls), self.key(seen), self.value(seen))
        )
        found = F.scaled_dot_product_attention(query, key, value).transpose(2, 3).reshape(x.shape)
        return self.out(found.contiguous(memory_format=torch.channels_last)).add_(x)


@dataclass(frozen=True, eq=False)
class HalvingConvolution:
    """A 3x3 convolution of stride 2 that sees one row and column of zeros below and to the right."""

    weight: torch.Tensor
    bias: torch.Tensor

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), self.weight, self.bias, stride=2)


def norm(shelf: Shelf, name: str) -> Norm:
    """The normalisation called `name`."""
    return Norm(shelf.take(f"{name}.weight"), shelf.take(f"{name}.bias"))


def residual(shelf: Shelf, name: str, shortcut: str) -> Residual:
    """The residual block called `name`, whose shortcut, if it has one, is called `shortcut`."""
    has_shortcut = f"{name}.{shortcut}.weight" in shelf.state
    return Residual(
        norm(shelf, f"{name}.norm1"),
        shelf.convolution(f"{name}.conv1"),
        norm(shelf, f"{name}.norm2"),
        shelf.convolution(f"{name}.conv2"),
        shelf.convolution(f"{name}.{shortcut}") if has_shortcut else None,
    )


def attention(shelf: Shelf, name: str, norms: tuple[str, ...], heads: int) -> Attention:
    """The attention called `name`; `norms` are the names of its one or two normalisations."""
    own, *other = (norm(shelf, f"{name}.{each}") for each in norms)
    query, key, value, out = (shelf.convolution(f"{name}.{part}") for part in ("q", "k", "v", "proj_out"))
    return Attention(own, other[0] if other else None, query, key, value, out, heads)


def halving(shelf: Shelf, name: str) -> HalvingConvolution:
    """The convolution called `name`, which halves the picture."""
    return HalvingConvolution(shelf.take(f"{name}.weight"), shelf.take(f"{name}.bias"))


def doubling(shelf: Shelf, name: str) -> NearestDoubling:
    """The convolution called `name`, before which the picture is doubled."""
    weight = shelf.take(f"{name}.weight", torch.float32)
    return NearestDoubling.of(weight, shelf.take(f"{name}.bias"), shelf.dtype)


def length(shelf: Shelf, name: str) -> int:
    """How many parts the list called `name` has."""
    parts = {key.removeprefix(f"{name}.").split(".")[0] for key in shelf.state if key.startswith(f"{name}.")}
    return len(parts)
