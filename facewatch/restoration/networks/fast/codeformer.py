"""CodeFormer, built from its state dict, with its weight w and with AdaIN always on.

After CodeFormer (Zhou et al. 2022), with the layer names of its published file: an encoder and a transformer
choose 256 of 1024 codes for the face, which a generator draws; a fusion at each resolution adds the encoder's
features by the weight. At every precision, the codes are chosen in float32: a code is a part of a face, and
another code is another face rather than a less exact one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast import Precision
from facewatch.restoration.networks.fast.layers import Convolution, Linear, Weights, leaky_relu_
from facewatch.restoration.networks.fast.vq_layers import (
    ResidualBlock,
    attention,
    count_layers,
    downsample_convolution,
    group_norm,
    residual_block,
    upsample_convolution,
)
from facewatch.restoration.networks.state_dict import StateDict

Block: TypeAlias = Callable[[torch.Tensor], torch.Tensor]

_HEADS = 8  # of the transformer; not stored in the file
# Side in pixels -> the blocks of encoder and generator whose outputs are fused.
_FUSION_BLOCKS = {16: (18, 6), 32: (14, 9), 64: (11, 12), 128: (8, 15), 256: (5, 18), 512: (2, 21)}


@dataclass(frozen=True, eq=False)
class CodeFormer:
    """The network; as a Forward it uses the weight: 0 = all restoration, 1 = closest to the original."""

    encoder: tuple[Block, ...]
    code_predictor: _CodePredictor
    codebook: torch.Tensor  # (codes, 256) float32
    generator: tuple[Block, ...]
    fusions: dict[int, _Fusion]  # by the side in pixels
    dtype: torch.dtype  # of generator and fusions

    def __call__(self, picture: torch.Tensor, weight: float) -> torch.Tensor:
        latent, features = self.encode(picture, self.fusions if weight > 0 else ())
        return self.generate(latent, self.code_predictor(latent), features, weight)

    def encode(
        self, picture: torch.Tensor, sides: Collection[int] = ()
    ) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:
        """Return the latent of faces, (N, 256, 16, 16) float32, and the features at `sides`."""
        x = picture.contiguous(memory_format=torch.channels_last)
        wanted = {_FUSION_BLOCKS[side][0]: side for side in sides}
        features = {}
        for index, block in enumerate(self.encoder):
            x = block(x)
            if index in wanted:
                features[wanted[index]] = x.to(self.dtype)
        return x, features

    def generate(
        self, latent: torch.Tensor, codes: torch.Tensor, features: dict[int, torch.Tensor], weight: float
    ) -> torch.Tensor:
        """Return the faces of the codes in the latent's colours, (N, 3, 512, 512) float32.

        codes       (N, 256), the index in the codebook of each of 16x16 positions
        features    by side; missing sides are not fused
        """
        drawn = F.embedding(codes, self.codebook).transpose(1, 2).reshape(latent.shape)
        x = _adain(drawn, latent).to(self.dtype).contiguous(memory_format=torch.channels_last)
        fused = {_FUSION_BLOCKS[side][1]: side for side in features}
        for index, block in enumerate(self.generator):
            x = block(x)
            if index in fused:
                side = fused[index]
                x = self.fusions[side](features[side], x, weight)
        return x.float()


@dataclass(frozen=True, eq=False)
class _LayerNorm:
    weight: torch.Tensor
    bias: torch.Tensor

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class _Layer:
    """One layer of the transformer: self-attention, then a feed-forward network."""

    norm1: _LayerNorm
    query_key_value: Linear  # query, key and value joined
    out: Linear
    norm2: _LayerNorm
    widen: Linear
    narrow: Linear

    def __call__(self, x: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        plain = self.norm1(x)
        positioned = plain + position
        weights, biases = self.query_key_value.weight.chunk(3), self.query_key_value.bias.chunk(3)
        query, key, value = (
            F.linear(source, weight, bias).reshape(*x.shape[:2], _HEADS, -1).transpose(1, 2)
            for source, weight, bias in zip((positioned, positioned, plain), weights, biases, strict=True)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        return x + self.narrow(F.gelu(self.widen(self.norm2(x))))


@dataclass(frozen=True, eq=False)
class _CodePredictor:
    """The transformer that predicts the codes from the latent, in float32."""

    position: torch.Tensor  # (256, width)
    entrance: Linear
    layers: tuple[_Layer, ...]
    last_norm: _LayerNorm
    scores: torch.Tensor  # (codes, width)

    def __call__(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the codes, (N, 256) int64, of a latent, (N, 256, 16, 16)."""
        x = self.entrance(latent.flatten(2).transpose(1, 2))
        for layer in self.layers:
            x = layer(x, self.position)
        return F.linear(self.last_norm(x), self.scores).argmax(2)


@dataclass(frozen=True, eq=False)
class _Fusion:
    """A fusion of the encoder's features into the generator's, towards the original face."""

    join: ResidualBlock
    scale: tuple[Convolution, Convolution]
    shift: tuple[Convolution, Convolution]

    def __call__(self, original: torch.Tensor, drawn: torch.Tensor, weight: float) -> torch.Tensor:
        """Fuse two (N, C, H, W) feature maps; `drawn` is changed in place."""
        joined = self.join(torch.cat([original, drawn], dim=1))
        scale, shift = (second(leaky_relu_(first(joined))) for first, second in (self.scale, self.shift))
        return drawn.add_(shift.addcmul_(drawn, scale), alpha=weight)


def build(state: StateDict, device: str, precision: Precision) -> CodeFormer:
    """Build the network on its device.

    state        as spandrel accepts it; it is emptied meanwhile
    precision    of the generator and the fusions
    """
    float32_weights = Weights(state, device, "float32")
    weights = Weights(state, device, precision)
    sides = [side for side in _FUSION_BLOCKS if f"fuse_convs_dict.{side}.scale.0.weight" in state]
    network = CodeFormer(
        encoder=_blocks(float32_weights, "encoder.blocks", downsample_convolution),
        code_predictor=_code_predictor(float32_weights),
        codebook=float32_weights.take("quantize.embedding.weight"),
        generator=_blocks(weights, "generator.blocks", upsample_convolution),
        fusions={side: _fusion(weights, f"fuse_convs_dict.{side}") for side in sides},
        dtype=weights.dtype,
    )
    state.clear()
    return network


def _blocks(weights: Weights, name: str, resize: Callable[[Weights, str], Block]) -> tuple[Block, ...]:
    return tuple(_block(weights, f"{name}.{index}", resize) for index in range(count_layers(weights, name)))


def _block(weights: Weights, name: str, resize: Callable[[Weights, str], Block]) -> Block:
    """Return a block of the encoder or the generator, of the kind that its keys show."""
    if f"{name}.conv1.weight" in weights.state:
        return residual_block(weights, name, "conv_out")
    if f"{name}.q.weight" in weights.state:
        return attention(weights, name, ("norm",), heads=1)
    if f"{name}.conv.weight" in weights.state:
        return resize(weights, f"{name}.conv")
    if weights.state[f"{name}.weight"].ndim == 1:
        return group_norm(weights, name)
    return weights.convolution(name)


def _code_predictor(weights: Weights) -> _CodePredictor:
    return _CodePredictor(
        weights.take("position_emb"),
        weights.linear("feat_emb"),
        tuple(_layer(weights, f"ft_layers.{index}") for index in range(count_layers(weights, "ft_layers"))),
        _layer_norm(weights, "idx_pred_layer.0"),
        weights.take("idx_pred_layer.1.weight"),
    )


def _layer(weights: Weights, name: str) -> _Layer:
    joined = f"{name}.self_attn.in_proj"
    return _Layer(
        _layer_norm(weights, f"{name}.norm1"),
        Linear(weights.take(f"{joined}_weight"), weights.take(f"{joined}_bias")),
        weights.linear(f"{name}.self_attn.out_proj"),
        _layer_norm(weights, f"{name}.norm2"),
        weights.linear(f"{name}.linear1"),
        weights.linear(f"{name}.linear2"),
    )


def _fusion(weights: Weights, name: str) -> _Fusion:
    scale, shift = (
        (weights.convolution(f"{name}.{part}.0"), weights.convolution(f"{name}.{part}.2"))
        for part in ("scale", "shift")
    )
    return _Fusion(residual_block(weights, f"{name}.encode_enc", "conv_out"), scale, shift)


def _layer_norm(weights: Weights, name: str) -> _LayerNorm:
    return _LayerNorm(weights.take(f"{name}.weight"), weights.take(f"{name}.bias"))


def _adain(content: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
    """Give `content` each channel's mean and deviation in `style`; AdaIN (Huang and Belongie 2017)."""
    (variance, mean), (target_variance, target_mean) = (
        torch.var_mean(x, dim=(2, 3), keepdim=True) for x in (content, style)
    )
    return (content - mean) * ((target_variance + 1e-5) / (variance + 1e-5)).sqrt() + target_mean
