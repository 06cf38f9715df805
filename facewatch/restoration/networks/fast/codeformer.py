"""CodeFormer as plain functions of its state dict, with w and with AdaIN always on.

After CodeFormer (Zhou et al. 2022), by the layers' names of its published file: an encoder and a transformer
read from the face which 256 of 1024 codes to draw it with; a generator draws them, and a fusion at each size
leads as much of the encoder's features back in as the weight says. Whatever the precision, the codes are
chosen in float32: a code is a part of a face, and a different one is another face rather than a rougher one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast import Precision
from facewatch.restoration.networks.fast.layers import Convolution, Linear, Shelf, leaky
from facewatch.restoration.networks.fast.vq_layers import (
    Residual,
    attention,
    doubling,
    halving,
    length,
    norm,
    residual,
)
from facewatch.restoration.networks.state_dict import StateDict

Block: TypeAlias = Callable[[torch.Tensor], torch.Tensor]

_HEADS = 8  # of the transformer; the file does not tell
# A side in pixels -> after which block of the encoder, and of the generator, the two are fused.
_MEETINGS = {16: (18, 6), 32: (14, 9), 64: (11, 12), 128: (8, 15), 256: (5, 18), 512: (2, 21)}


@dataclass(frozen=True, eq=False)
class CodeFormer:
    """The network; as a Forward it heeds the weight: 0 = all restoration, 1 = closest to the original."""

    encoder: tuple[Block, ...]
    chooser: _Chooser
    codebook: torch.Tensor  # (codes, 256) float32
    generator: tuple[Block, ...]
    fusions: dict[int, _Fusion]  # by the side in pixels
    dtype: torch.dtype  # of generator and fusions

    def __call__(self, picture: torch.Tensor, weight: float) -> torch.Tensor:
        latent, features = self.encode(picture, self.fusions if weight > 0 else ())
        return self.generate(latent, self.chooser(latent), features, weight)

    def encode(
        self, picture: torch.Tensor, sides: Collection[int] = ()
    ) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:
        """(N, 3, 512, 512) -> the latent, (N, 256, 16, 16) float32, and the features at `sides`."""
        x = picture.contiguous(memory_format=torch.channels_last)
        wanted = {_MEETINGS[side][0]: side for side in sides}
        features = {}
        for index, block in enumerate(self.encoder):
            x = block(x)
            if index in wanted:
                features[wanted[index]] = x.to(self.dtype)
        return x, features

    def generate(
        self, latent: torch.Tensor, codes: torch.Tensor, features: dict[int, torch.Tensor], weight: float
    ) -> torch.Tensor:
        """The codes drawn with the latent's colours -> (N, 3, 512, 512) float32.

        codes       (N, 256), which entry of the codebook stands at each of 16x16 places
        features    by side; nothing is fused at a side that is missing
        """
        drawn = F.embedding(codes, self.codebook).transpose(1, 2).reshape(latent.shape)
        x = _with_statistics(drawn, latent).to(self.dtype).contiguous(memory_format=torch.channels_last)
        meeting = {_MEETINGS[side][1]: side for side in features}
        for index, block in enumerate(self.generator):
            x = block(x)
            if index in meeting:
                side = meeting[index]
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
    """One layer of the transformer: every place looks at all the others, then thinks by itself."""

    norm1: _LayerNorm
    looking: Linear  # query, key and value joined
    out: Linear
    norm2: _LayerNorm
    widen: Linear
    narrow: Linear

    def __call__(self, x: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        plain = self.norm1(x)
        placed = plain + position
        weights, biases = self.looking.weight.chunk(3), self.looking.bias.chunk(3)
        query, key, value = (
            F.linear(source, weight, bias).reshape(*x.shape[:2], _HEADS, -1).transpose(1, 2)
            for source, weight, bias in zip((placed, placed, plain), weights, biases, strict=True)
        )
        found = F.scaled_dot_product_attention(query, key, value)
        x = x + self.out(found.transpose(1, 2).flatten(2))
        return x + self.narrow(F.gelu(self.widen(self.norm2(x))))


@dataclass(frozen=True, eq=False)
class _Chooser:
    """The transformer that reads the codes from the latent, in float32."""

    position: torch.Tensor  # (256, width)
    entrance: Linear
    layers: tuple[_Layer, ...]
    last_norm: _LayerNorm
    scores: torch.Tensor  # (codes, width)

    def __call__(self, latent: torch.Tensor) -> torch.Tensor:
        """(N, 256, 16, 16) -> (N, 256) int64."""
        x = self.entrance(latent.flatten(2).transpose(1, 2))
        for layer in self.layers:
            x = layer(x, self.position)
        return F.linear(self.last_norm(x), self.scores).argmax(2)


@dataclass(frozen=True, eq=False)
class _Fusion:
    """How far the encoder's features pull the generator's towards the original face."""

    join: Residual
    scale: tuple[Convolution, Convolution]
    shift: tuple[Convolution, Convolution]

    def __call__(self, original: torch.Tensor, drawn: torch.Tensor, weight: float) -> torch.Tensor:
        """Both (N, C, H, W); `drawn` is changed in place."""
        joined = self.join(torch.cat([original, drawn], dim=1))
        scale, shift = (second(leaky(first(joined))) for first, second in (self.scale, self.shift))
        return drawn.add_(shift.addcmul_(drawn, scale), alpha=weight)


def build(state: StateDict, device: str, precision: Precision) -> CodeFormer:
    """The network on its device.

    state        as spandrel accepts it; it is emptied while the network is built
    precision    of the generator and the fusions
    """
    exact = Shelf(state, device, "float32")
    rough = Shelf(state, device, precision)
    sides = [side for side in _MEETINGS if f"fuse_convs_dict.{side}.scale.0.weight" in state]
    network = CodeFormer(
        encoder=_blocks(exact, "encoder.blocks", halving),
        chooser=_chooser(exact),
        codebook=exact.take("quantize.embedding.weight"),
        generator=_blocks(rough, "generator.blocks", doubling),
        fusions={side: _fusion(rough, f"fuse_convs_dict.{side}") for side in sides},
        dtype=rough.dtype,
    )
    state.clear()
    return network


def _blocks(shelf: Shelf, name: str, resize: Callable[[Shelf, str], Block]) -> tuple[Block, ...]:
    return tuple(_block(shelf, f"{name}.{index}", resize) for index in range(length(shelf, name)))


def _block(shelf: Shelf, name: str, resize: Callable[[Shelf, str], Block]) -> Block:
    """A block of the encoder or the generator; which of five kinds it is, its keys tell."""
    if f"{name}.conv1.weight" in shelf.state:
        return residual(shelf, name, "conv_out")
    if f"{name}.q.weight" in shelf.state:
        return attention(shelf, name, ("norm",), heads=1)
    if f"{name}.conv.weight" in shelf.state:
        return resize(shelf, f"{name}.conv")
    if shelf.state[f"{name}.weight"].ndim == 1:
        return norm(shelf, name)
    return shelf.convolution(name)


def _chooser(shelf: Shelf) -> _Chooser:
    return _Chooser(
        shelf.take("position_emb"),
        shelf.linear("feat_emb"),
        tuple(_layer(shelf, f"ft_layers.{index}") for index in range(length(shelf, "ft_layers"))),
        _layer_norm(shelf, "idx_pred_layer.0"),
        shelf.take("idx_pred_layer.1.weight"),
    )


def _layer(shelf: Shelf, name: str) -> _Layer:
    joined = f"{name}.self_attn.in_proj"
    return _Layer(
        _layer_norm(shelf, f"{name}.norm1"),
        Linear(shelf.take(f"{joined}_weight"), shelf.take(f"{joined}_bias")),
        shelf.linear(f"{name}.self_attn.out_proj"),
        _layer_norm(shelf, f"{name}.norm2"),
        shelf.linear(f"{name}.linear1"),
        shelf.linear(f"{name}.linear2"),
    )


def _fusion(shelf: Shelf, name: str) -> _Fusion:
    scale, shift = (
        (shelf.convolution(f"{name}.{part}.0"), shelf.convolution(f"{name}.{part}.2"))
        for part in ("scale", "shift")
    )
    return _Fusion(residual(shelf, f"{name}.encode_enc", "conv_out"), scale, shift)


def _layer_norm(shelf: Shelf, name: str) -> _LayerNorm:
    return _LayerNorm(shelf.take(f"{name}.weight"), shelf.take(f"{name}.bias"))


def _with_statistics(content: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
    """`content` with each channel's mean and spread in `style`; AdaIN (Huang and Belongie 2017)."""
    (variance, mean), (wanted_variance, wanted_mean) = (
        torch.var_mean(x, dim=(2, 3), keepdim=True) for x in (content, style)
    )
    return (content - mean) * ((wanted_variance + 1e-5) / (variance + 1e-5)).sqrt() + wanted_mean
