"""RestoreFormer and RestoreFormer++, built from their state dicts.

After RestoreFormer (Wang et al. 2022) and RestoreFormer++ (Wang et al. 2023), with the layer names of the
published files: each position of the encoded face takes the nearest of 1024 codes, which the decoder draws;
the decoder's attentions take their queries from the encoded face, in RestoreFormer++ at two sizes. At every
precision, codes are chosen in float32, since another code is another face.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast import Precision
from facewatch.restoration.networks.fast.layers import Convolution, Weights
from facewatch.restoration.networks.fast.upsampling import NearestUpsampleConvolution
from facewatch.restoration.networks.fast.vq_layers import (
    Attention,
    DownsampleConvolution,
    GroupNorm,
    ResidualBlock,
    attention,
    count_layers,
    downsample_convolution,
    group_norm,
    residual_block,
    upsample_convolution,
)
from facewatch.restoration.networks.state_dict import StateDict

_HEADS = 8  # of RestoreFormer; not stored in the file


@dataclass(frozen=True, eq=False)
class Encoded:
    """The encoder's output for some faces."""

    latent: torch.Tensor  # (N, 256, 16, 16) float32, to be replaced by codes
    middle_query: torch.Tensor  # (N, 512, 16, 16), the queries in the decoder's middle
    level_query: torch.Tensor  # (N, 512, 16, 16), the queries at the decoder's first level
    larger_query: torch.Tensor  # (N, 256, 32, 32), the queries at its second level, in RestoreFormer++


@dataclass(frozen=True, eq=False)
class RestoreFormer:
    """The network; as a Forward it ignores the weight."""

    encoder: _Encoder
    to_codes: Convolution
    codebook: torch.Tensor  # (codes, 256) float32
    from_codes: Convolution
    decoder: _Decoder

    def __call__(self, picture: torch.Tensor, _weight: float) -> torch.Tensor:
        encoded = self.encode(picture)
        return self.decode(encoded, self.nearest_codes(encoded.latent))

    def encode(self, picture: torch.Tensor) -> Encoded:
        """Encode faces, (N, 3, 512, 512) float32, in float32."""
        x, *queries = self.encoder(picture.contiguous(memory_format=torch.channels_last))
        return Encoded(self.to_codes(x), *queries)

    def nearest_codes(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the nearest code of each position, (N, 256) int64, of a latent, (N, 256, 16, 16)."""
        positions = latent.flatten(2).transpose(1, 2)
        # The squared distance without each position's own squared length, which is the same for every code.
        return (self.codebook.square().sum(1) - 2 * (positions @ self.codebook.t())).argmin(2)

    def decode(self, encoded: Encoded, codes: torch.Tensor) -> torch.Tensor:
        """Return the faces of the codes, (N, 3, 512, 512) float32."""
        drawn = F.embedding(codes, self.codebook).transpose(1, 2).reshape(encoded.latent.shape)
        dtype = self.from_codes.weight.dtype
        x = self.from_codes(drawn.to(dtype).contiguous(memory_format=torch.channels_last))
        queries = (encoded.middle_query, encoded.level_query, encoded.larger_query)
        return self.decoder(x, *(query.to(dtype) for query in queries)).float()


@dataclass(frozen=True, eq=False)
class _Level:
    """The blocks at one resolution, and the resizing to the next."""

    blocks: tuple[ResidualBlock, ...]
    attentions: tuple[Attention, ...]  # one after each block, or none
    resize: DownsampleConvolution | NearestUpsampleConvolution | None

    def __call__(self, x: torch.Tensor, query_source: torch.Tensor | None = None) -> torch.Tensor:
        x = self.before_resize(x, query_source)
        return self.resize(x) if self.resize else x

    def before_resize(self, x: torch.Tensor, query_source: torch.Tensor | None = None) -> torch.Tensor:
        """Return the features at this resolution."""
        for index, block in enumerate(self.blocks):
            x = block(x)
            if self.attentions:
                x = self.attentions[index](x, query_source)
        return x


@dataclass(frozen=True, eq=False)
class _Encoder:
    entrance: Convolution
    levels: tuple[_Level, ...]  # the largest first
    middle: tuple[ResidualBlock, Attention, ResidualBlock]
    last_norm: GroupNorm
    exit: Convolution

    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the output and the queries: the middle's end, its first block's end, the larger features."""
        x = self.entrance(x)
        *large, second_smallest, smallest = self.levels
        for level in large:
            x = level(x)
        larger_query = second_smallest.before_resize(x)
        x = smallest(second_smallest.resize(larger_query) if second_smallest.resize else larger_query)
        before, attending, after = self.middle
        level_query = before(x)
        middle_query = after(attending(level_query))
        return self.exit(self.last_norm.then_silu(middle_query)), middle_query, level_query, larger_query


@dataclass(frozen=True, eq=False)
class _Decoder:
    entrance: Convolution
    middle: tuple[ResidualBlock, Attention, ResidualBlock]
    levels: tuple[_Level, ...]  # the smallest first
    last_norm: GroupNorm
    exit: Convolution

    def __call__(
        self,
        x: torch.Tensor,
        middle_query: torch.Tensor,
        level_query: torch.Tensor,
        larger_query: torch.Tensor,
    ) -> torch.Tensor:
        before, attending, after = self.middle
        x = after(attending(before(self.entrance(x)), middle_query))
        smallest, *larger = self.levels
        x = smallest(x, level_query)
        for level in larger:
            x = level(x, larger_query)
        return self.exit(self.last_norm.then_silu(x))


def build(state: StateDict, device: str, precision: Precision, heads: int = _HEADS) -> RestoreFormer:
    """Build the network on its device.

    state        as spandrel accepts it; it is emptied meanwhile
    precision    of the decoder
    heads        of each attention
    """
    float32_weights = Weights(state, device, "float32")
    weights = Weights(state, device, precision)
    network = RestoreFormer(
        encoder=_encoder(float32_weights, "encoder", heads),
        to_codes=float32_weights.convolution("quant_conv"),
        codebook=float32_weights.take("quantize.embedding.weight"),
        from_codes=weights.convolution("post_quant_conv"),
        decoder=_decoder(weights, "decoder", heads),
    )
    state.clear()
    return network


def _encoder(weights: Weights, name: str, heads: int) -> _Encoder:
    levels = count_layers(weights, f"{name}.down")
    return _Encoder(
        weights.convolution(f"{name}.conv_in"),
        tuple(_level(weights, f"{name}.down.{index}", heads) for index in range(levels)),
        _middle(weights, f"{name}.mid", heads),
        group_norm(weights, f"{name}.norm_out"),
        weights.convolution(f"{name}.conv_out"),
    )


def _decoder(weights: Weights, name: str, heads: int) -> _Decoder:
    levels = count_layers(weights, f"{name}.up")
    return _Decoder(
        weights.convolution(f"{name}.conv_in"),
        _middle(weights, f"{name}.mid", heads),
        tuple(_level(weights, f"{name}.up.{index}", heads) for index in reversed(range(levels))),
        group_norm(weights, f"{name}.norm_out"),
        weights.convolution(f"{name}.conv_out"),
    )


def _level(weights: Weights, name: str, heads: int) -> _Level:
    blocks, attentions = count_layers(weights, f"{name}.block"), count_layers(weights, f"{name}.attn")
    resize: DownsampleConvolution | NearestUpsampleConvolution | None = None
    if f"{name}.downsample.conv.weight" in weights.state:
        resize = downsample_convolution(weights, f"{name}.downsample.conv")
    elif f"{name}.upsample.conv.weight" in weights.state:
        resize = upsample_convolution(weights, f"{name}.upsample.conv")
    return _Level(
        tuple(residual_block(weights, f"{name}.block.{index}", "nin_shortcut") for index in range(blocks)),
        tuple(_attention(weights, f"{name}.attn.{index}", heads) for index in range(attentions)),
        resize,
    )


def _middle(weights: Weights, name: str, heads: int) -> tuple[ResidualBlock, Attention, ResidualBlock]:
    return (
        residual_block(weights, f"{name}.block_1", "nin_shortcut"),
        _attention(weights, f"{name}.attn_1", heads),
        residual_block(weights, f"{name}.block_2", "nin_shortcut"),
    )


def _attention(weights: Weights, name: str, heads: int) -> Attention:
    return attention(weights, name, ("norm1", "norm2"), heads)
