"""RestoreFormer as plain functions of its state dict.

After RestoreFormer (Wang et al. 2022), by the layers' names of its published file: each place of the encoded
face takes the nearest of 1024 codes; the decoder draws them, and its attentions let the encoded face ask in
the drawn one. Whatever the precision, codes are chosen in float32, for a different one is another face.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from facewatch.restoration.networks.fast import Precision
from facewatch.restoration.networks.fast.layers import Convolution, Shelf
from facewatch.restoration.networks.fast.upsampling import NearestDoubling
from facewatch.restoration.networks.fast.vq_layers import (
    Attention,
    HalvingConvolution,
    Norm,
    Residual,
    attention,
    doubling,
    halving,
    length,
    norm,
    residual,
)
from facewatch.restoration.networks.state_dict import StateDict

_HEADS = 8  # the file does not tell


@dataclass(frozen=True, eq=False)
class Encoded:
    """What the encoder has to say of some faces."""

    latent: torch.Tensor  # (N, 256, 16, 16) float32, to be replaced by codes
    in_middle: torch.Tensor  # (N, 512, 16, 16), what asks in the decoder's middle
    at_smallest: torch.Tensor  # (N, 512, 16, 16), what asks at the decoder's first level


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
        return self.decode(encoded, self.choose(encoded.latent))

    def encode(self, picture: torch.Tensor) -> Encoded:
        """(N, 3, 512, 512) float32 -> float32 throughout."""
        x, in_middle, at_smallest = self.encoder(picture.contiguous(memory_format=torch.channels_last))
        return Encoded(self.to_codes(x), in_middle, at_smallest)

    def choose(self, latent: torch.Tensor) -> torch.Tensor:
        """(N, 256, 16, 16) -> the nearest code for each place, (N, 256) int64."""
        places = latent.flatten(2).transpose(1, 2)
        # The distance squared, less each place's own length, which is the same for every code.
        return (self.codebook.square().sum(1) - 2 * (places @ self.codebook.t())).argmin(2)

    def decode(self, encoded: Encoded, codes: torch.Tensor) -> torch.Tensor:
        """The codes drawn -> (N, 3, 512, 512) float32."""
        drawn = F.embedding(codes, self.codebook).transpose(1, 2).reshape(encoded.latent.shape)
        dtype = self.from_codes.weight.dtype
        x = self.from_codes(drawn.to(dtype).contiguous(memory_format=torch.channels_last))
        return self.decoder(x, encoded.in_middle.to(dtype), encoded.at_smallest.to(dtype)).float()


@dataclass(frozen=True, eq=False)
class _Level:
    """The blocks at one size, and the way to the next."""

    blocks: tuple[Residual, ...]
    attentions: tuple[Attention, ...]  # one after each block, or none
    resize: HalvingConvolution | NearestDoubling | None

    def __call__(self, x: torch.Tensor, timed_calls: torch.Tensor | None = None) -> torch.Tensor:
        for index, block in enumerate(self.blocks):
            x = block(x)
            if self.attentions:
                x = self.attentions[index](x, timed_calls)
        return self.resize(x) if self.resize else x


@dataclass(frozen=True, eq=False)
class _Encoder:
    entrance: Convolution
    levels: tuple[_Level, ...]  # the largest first
    middle: tuple[Residual, Attention, Residual]
    last_norm: Norm
    exit: Convolution

    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What comes out, and what the middle holds at its end and after its first block."""
        x = self.entrance(x)
        for level in self.levels:
            x = level(x)
        before, attending, after = self.middle
        at_smallest = before(x)
        in_middle = after(attending(at_smallest))
        return self.exit(self.last_norm.active(in_middle)), in_middle, at_smallest


@dataclass(frozen=True, eq=False)
class _Decoder:
    entrance: Convolution
    middle: tuple[Residual, Attention, Residual]
    levels: tuple[_Level, ...]  # the smallest first
    last_norm: Norm
    exit: Convolution

    def __call__(self, x: torch.Tensor, in_middle: torch.Tensor, at_smallest: torch.Tensor) -> torch.Tensor:
        before, attending, after = self.middle
        x = after(attending(before(self.entrance(x)), in_middle))
        for level in self.levels:
            x = level(x, at_smallest)
        return self.exit(self.last_norm.active(x))


def build(state: StateDict, device: str, precision: Precision) -> RestoreFormer:
    """The network on its device.

    state        as spandrel accepts it; it is emptied while the network is built
    precision    of the decoder
    """
    exact = Shelf(state, device, "float32")
    rough = Shelf(state, device, precision)
    network = RestoreFormer(
        encoder=_encoder(exact, "encoder"),
        to_codes=exact.convolution("quant_conv"),
        codebook=exact.take("quantize.embedding.weight"),
        from_codes=rough.convolution("post_quant_conv"),
        decoder=_decoder(rough, "decoder"),
    )
    state.clear()
    return network


def _encoder(shelf: Shelf, name: str) -> _Encoder:
    levels = length(shelf, f"{name}.down")
    return _Encoder(
        shelf.convolution(f"{name}.conv_in"),
        tuple(_level(shelf, f"{name}.down.{index}") for index in range(levels)),
        _middle(shelf, f"{name}.mid"),
        norm(shelf, f"{name}.norm_out"),
        shelf.convolution(f"{name}.conv_out"),
    )


def _decoder(shelf: Shelf, name: str) -> _Decoder:
    levels = length(shelf, f"{name}.up")
    return _Decoder(
        shelf.convolution(f"{name}.conv_in"),
        _middle(shelf, f"{name}.mid"),
        tuple(_level(shelf, f"{name}.up.{index}") for index in reversed(range(levels))),
        norm(shelf, f"{name}.norm_out"),
        shelf.convolution(f"{name}.conv_out"),
    )


def _level(shelf: Shelf, name: str) -> _Level:
    blocks, attentions = length(shelf, f"{name}.block"), length(shelf, f"{name}.attn")
    resize: HalvingConvolution | NearestDoubling | None = None
    if f"{name}.downsample.conv.weight" in shelf.state:
        resize = halving(shelf, f"{name}.downsample.conv")
    elif f"{name}.upsample.conv.weight" in shelf.state:
        resize = doubling(shelf, f"{name}.upsample.conv")
    return _Level(
        tuple(residual(shelf, f"{name}.block.{index}", "nin_shortcut") for index in range(blocks)),
        tuple(_attention(shelf, f"{name}.attn.{index}") for index in range(attentions)),
        resize,
    )


def _middle(shelf: Shelf, name: str) -> tuple[Residual, Attention, Residual]:
    return (
        residual(shelf, f"{name}.block_1", "nin_shortcut"),
        _attention(shelf, f"{name}.attn_1"),
        residual(shelf, f"{name}.block_2", "nin_shortcut"),
    )


def _attention(shelf: Shelf, name: str) -> Attention:
    return attention(shelf, name, ("norm1", "norm2"), _HEADS)
