"""Layers of the networks with a codebook: CodeFormer and RestoreFormer.

Both are based on VQGAN (Esser et al. 2021); they differ in names, in heads, and in the choice of the codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast.layers import Convolution, Weights
from facewatch.restoration.networks.fast.upsampling import NearestUpsampleConvolution

_GROUPS = 32


@dataclass(frozen=True, eq=False)
class GroupNorm:
    """Group normalisation in 32 groups."""

    weight: torch.Tensor  # (channels,)
    bias: torch.Tensor  # (channels,)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return F.group_norm(x, _GROUPS, self.weight, self.bias, eps=1e-6)

    def then_silu(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise, then apply SiLU."""
        return F.silu(self(x), inplace=True)


@dataclass(frozen=True, eq=False)
class ResidualBlock:
    """Two normalised convolutions and a shortcut."""

    norm1: GroupNorm
    first: Convolution
    norm2: GroupNorm
    second: Convolution
    shortcut: Convolution | None  # 1x1, where the channels change

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(self.norm1.then_silu(x))
        y = self.second(self.norm2.then_silu(y))
        return y.add_(self.shortcut(x) if self.shortcut else x)


@dataclass(frozen=True, eq=False)
class Attention:
    """Self-attention over the positions of a feature map, or cross-attention with queries from another."""

    norm: GroupNorm
    query_norm: GroupNorm | None
    query: Convolution
    key: Convolution
    value: Convolution
    out: Convolution
    heads: int

    def __call__(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        """Map (N, C, H, W) to the same shape; `other`, of the same shape, provides the queries if given."""
        own = self.norm(x)
        query_source = self.query_norm(other) if self.query_norm and other is not None else own
        count, channels, height, width = x.shape
        split = (count, self.heads, channels // self.heads, height * width)
        query, key, value = (
            part.reshape(split).transpose(2, 3)
            for part in (self.query(query_source), self.key(own), self.value(own))
        )
        attended = F.scaled_dot_product_attention(query, key, value).transpose(2, 3).reshape(x.shape)
        return self.out(attended.contiguous(memory_format=torch.channels_last)).add_(x)


@dataclass(frozen=True, eq=False)
class DownsampleConvolution:
    """A 3x3 convolution of stride 2, with one row and column of zeros below and to the right."""

    weight: torch.Tensor
    bias: torch.Tensor

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), self.weight, self.bias, stride=2)


def group_norm(weights: Weights, name: str) -> GroupNorm:
    """Return the normalisation called `name`."""
    return GroupNorm(weights.take(f"{name}.weight"), weights.take(f"{name}.bias"))


def residual_block(weights: Weights, name: str, shortcut: str) -> ResidualBlock:
    """Return the residual block called `name`; its shortcut, if any, is called `shortcut`."""
    has_shortcut = f"{name}.{shortcut}.weight" in weights.state
    return ResidualBlock(
        group_norm(weights, f"{name}.norm1"),
        weights.convolution(f"{name}.conv1"),
        group_norm(weights, f"{name}.norm2"),
        weights.convolution(f"{name}.conv2"),
        weights.convolution(f"{name}.{shortcut}") if has_shortcut else None,
    )


def attention(weights: Weights, name: str, norms: tuple[str, ...], heads: int) -> Attention:
    """Return the attention called `name`; `norms` are the names of its one or two normalisations."""
    own, *other = (group_norm(weights, f"{name}.{each}") for each in norms)
    query, key, value, out = (weights.convolution(f"{name}.{part}") for part in ("q", "k", "v", "proj_out"))
    return Attention(own, other[0] if other else None, query, key, value, out, heads)


def downsample_convolution(weights: Weights, name: str) -> DownsampleConvolution:
    """Return the convolution called `name`, which halves the size."""
    return DownsampleConvolution(weights.take(f"{name}.weight"), weights.take(f"{name}.bias"))


def upsample_convolution(weights: Weights, name: str) -> NearestUpsampleConvolution:
    """Return the convolution called `name`, with the upsampling before it."""
    weight = weights.take(f"{name}.weight", torch.float32)
    return NearestUpsampleConvolution.of(weight, weights.take(f"{name}.bias"), weights.dtype)


def count_layers(weights: Weights, name: str) -> int:
    """Return the number of layers in the list called `name`."""
    layers = {
        key.removeprefix(f"{name}.").split(".")[0] for key in weights.state if key.startswith(f"{name}.")
    }
    return len(layers)
