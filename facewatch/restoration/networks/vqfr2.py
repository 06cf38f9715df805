"""VQFR, version 2, from its published state dict.

After VQFR (Gu et al. 2022, "Blind Face Restoration with Vector-Quantized Dictionary and Parallel Decoder"):
an encoder predicts the face's codes, a decoder draws their textures, and a second decoder beside it warps
these to the photo. Its fidelity ratio is the weight: how much of the second decoder is added. Encoder, codes
and warping stay in float32 at every precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from facewatch.restoration.networks.fast import Forward, Precision
from facewatch.restoration.networks.state_dict import StateDict
from facewatch.restoration.networks.strict import load_strictly
from facewatch.restoration.networks.vqfr_layers import (
    GROUPS,
    SMALLEST,
    ResidualBlock,
    TextureWarping,
    WarpingDecoder,
    convolution,
    in_float32,
    norm,
)

_BLOCKS = 2  # at each level
_SHORTCUT = "residual_func"


def recognises(state: StateDict) -> bool:
    """Return True if a state dict looks like VQFR's, version 2."""
    return "main_branch.align_func_dict.Level_1.dcn.weight" in state and "quantizer.embedding.weight" in state


def crop_size(state: StateDict) -> int:
    """Return the side in pixels of the faces that the network takes and returns."""
    levels = {key.split(".")[2] for key in state if key.startswith("encoder.blocks.")}
    return int(SMALLEST * 2 ** (len(levels) - 1))


def build(state: StateDict, device: str, precision: Precision) -> Forward:
    """Return the network on its device; it uses the weight as its fidelity ratio.

    state  is emptied meanwhile

    Raises ValueError or KeyError when a key is missing or unknown, or a shape does not fit.
    """
    levels = (crop_size(state) // SMALLEST).bit_length()
    blocks = [f"encoder.blocks.{level}.{min(level, 1)}.conv2.weight" for level in range(levels)]
    channels = [state[key].shape[0] for key in blocks]
    codes, width = state["quantizer.embedding.weight"].shape
    seen = state["inpfeat_extraction.weight"].shape[0]
    network = load_strictly(lambda: VQFR2(channels, codes, width, seen), state)
    state.clear()
    dtype: torch.dtype = getattr(torch, precision)
    network.decoder.to(dtype)
    network.main_branch.decoder_dict.to(dtype)
    network.main_branch.pre_upsample_dict.to(dtype)
    network.to(device)

    def forward(faces: Tensor, weight: float) -> Tensor:
        restored: Tensor = network(faces, weight)
        return restored

    return forward


class VQFR2(nn.Module):
    """The network, for faces of 16 * 2 ** (len(channels) - 1) pixels."""

    def __init__(self, channels: Sequence[int], codes: int, width: int, seen: int) -> None:
        """
        channels  by level, the largest picture first
        codes     in the dictionary, each of `width` numbers
        seen      channels of the photo's own features
        """
        super().__init__()
        self.encoder = _Encoder(channels, width)
        self.feat2index = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, codes))
        self.decoder = _Decoder(channels, width)
        self.main_branch = _MainBranch(channels, seen)
        self.inpfeat_extraction = convolution(3, seen)
        self.quantizer = _Quantizer(codes, width)

    def forward(self, faces: Tensor, weight: float) -> Tensor:
        """Map (N, 3, S, S) float32 to the same; weight 0 = textures alone, 1 = all that was warped."""
        latent = self.encoder(faces)
        codes = self.feat2index(latent.flatten(2).transpose(1, 2)).argmax(2)
        drawn = self.quantizer.embedding(codes).transpose(1, 2).reshape(latent.shape)
        textures = self.decoder(drawn)
        features = textures[-1].float()
        if weight > 0:
            features = features + weight * self.main_branch(textures, self.inpfeat_extraction(faces))
        return in_float32(self.decoder.conv_out, features)


class _Quantizer(nn.Module):
    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, width)


class _Attention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        own = self.norm(x)
        query, key, value = (part(own).flatten(2).transpose(1, 2) for part in (self.q, self.k, self.v))
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(x.shape)
        y: Tensor = x + self.proj_out(attended)
        return y


class _Downsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(F.pad(x, (0, 1, 0, 1)))
        return y


class _Upsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        return y


def _level(before: int, after: int, first: nn.Module | None, *, attention: bool) -> nn.Sequential:
    parts: list[nn.Module] = [first] if first else []
    for number in range(_BLOCKS):
        parts.append(ResidualBlock(before if number == 0 else after, after, _SHORTCUT))
        if attention:
            parts.append(_Attention(after))
    return nn.Sequential(*parts)


def _middle(channels: int) -> nn.Sequential:
    around = (ResidualBlock(channels, channels, _SHORTCUT) for _ in range(2))
    return nn.Sequential(next(around), _Attention(channels), next(around))


def _exit(channels: int, after: int) -> nn.Sequential:
    return nn.Sequential(norm(channels), nn.SiLU(), convolution(channels, after))


class _Encoder(nn.Module):
    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.conv_in = convolution(3, channels[0])
        last = len(channels) - 1
        self.blocks = nn.ModuleList([_level(channels[0], channels[0], None, attention=last == 0)])
        for level, (before, after) in enumerate(pairwise(channels), start=1):
            self.blocks.append(_level(before, after, _Downsample(before), attention=level == last))
        self.mid_blocks = _middle(channels[-1])
        self.conv_out = _exit(channels[-1], width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.blocks:
            x = block(x)
        y: Tensor = self.conv_out(self.mid_blocks(x))
        return y


class _Decoder(nn.Module):
    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.conv_in = convolution(width, channels[-1])
        self.mid_blocks = _middle(channels[-1])
        self.blocks = nn.ModuleList([_level(channels[-1], channels[-1], None, attention=True)])
        for before, after in pairwise(channels[::-1]):
            self.blocks.append(_level(before, after, _Upsample(before), attention=False))
        self.conv_out = _exit(channels[0], 3)

    def forward(self, codes: Tensor) -> list[Tensor]:
        """Return the textures, the smallest first."""
        x = self.mid_blocks(self.conv_in(codes.to(self.conv_in.weight.dtype)))
        textures = []
        for block in self.blocks:
            x = block(x)
            textures.append(x)
        return textures


class _WarpingToPhoto(TextureWarping):
    """Texture warping that takes the photo's features at any size."""

    def forward(self, textures: Tensor, seen: Tensor, previous: Tensor | None) -> tuple[Tensor, Tensor]:
        smaller = F.interpolate(seen, size=textures.shape[2:], mode="bilinear", align_corners=False)
        return super().forward(textures, smaller, previous)


class _MainBranch(WarpingDecoder):
    def __init__(self, channels: Sequence[int], seen: int) -> None:
        super().__init__(
            channels,
            lambda _level, own, above: _WarpingToPhoto(own, seen, GROUPS, above),
            lambda before, after: nn.Sequential(
                nn.UpsamplingNearest2d(scale_factor=2), convolution(before, after)
            ),
            _SHORTCUT,
        )

    def forward(self, textures: Sequence[Tensor], seen: Tensor) -> Tensor:
        """Return the features to add at the full size; `textures` come smallest first."""
        return self.features(textures, seen)
