"""VQFR, version 1, from its published state dict.

After VQFR (Gu et al. 2022), as version 2, which see; this one takes the nearest code at each position,
resizes by bilinear filters, sees the photo once more at its end, and has no fidelity ratio.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    level_name,
    nearest_codes,
    norm,
)

_ENCODER_BLOCKS, _DECODER_BLOCKS = 2, 3  # at each level
_SHORTCUT = "shortcut_conv"
_ENCODER = "encoder.encoder_dict.Level_"


def recognises(state: StateDict) -> bool:
    """Return True if a state dict looks like VQFR's, version 1."""
    return (
        "main_decoder.align_func_dict.Level_1.dcn.weight" in state and f"{_ENCODER}1.0.conv1.weight" in state
    )


def crop_size(state: StateDict) -> int:
    """Return the side in pixels of the faces that the network takes and returns."""
    return int(SMALLEST * 2 ** (_levels(state) - 1))


def _levels(state: StateDict) -> int:
    return len({key.split(".")[2] for key in state if key.startswith(_ENCODER)})


def build(state: StateDict, device: str, precision: Precision) -> Forward:
    """Return the network on its device; it ignores the weight.

    state  is emptied meanwhile

    Raises ValueError or KeyError when a key is missing or unknown, or a shape does not fit.
    """
    levels = _levels(state)
    channels = [state[f"{_ENCODER}{2**level}.0.conv1.weight"].shape[0] for level in range(levels)]
    codes, width = state[f"quantizer.quantize_dict.Level_{2 ** (levels - 1)}.embedding.weight"].shape
    seen = state["inpfeat_extraction.conv.weight"].shape[0]
    network = load_strictly(lambda: VQFR1(channels, codes, width, seen), state)
    state.clear()
    dtype: torch.dtype = getattr(torch, precision)
    network.decoder.to(dtype)
    network.main_decoder.decoder_dict.to(dtype)
    network.main_decoder.pre_upsample_dict.to(dtype)
    network.to(device)

    def forward(faces: Tensor, _weight: float) -> Tensor:
        restored: Tensor = network(faces)
        return restored

    return forward


class VQFR1(nn.Module):
    """The network, for faces of 16 * 2 ** (len(channels) - 1) pixels."""

    def __init__(self, channels: Sequence[int], codes: int, width: int, seen: int) -> None:
        """
        channels  by level, the largest picture first
        codes     in the dictionary, each of `width` numbers
        seen      channels of the photo's own features
        """
        super().__init__()
        self.inpfeat_extraction = _Named("conv", convolution(3, seen))
        self.encoder = _Encoder(channels)
        self.decoder = _Decoder(channels)
        self.main_decoder = _MainDecoder(channels, seen)
        quantizer = _Quantizer(channels[-1], codes, width)
        self.quantizer = _Named("quantize_dict", nn.ModuleDict({level_name(len(channels) - 1): quantizer}))
        self._quantize = [quantizer]  # in a list: its keys are those above

    def forward(self, faces: Tensor) -> Tensor:
        """Map (N, 3, S, S) float32 to the same."""
        textures = self.decoder(self._quantize[0](self.encoder(faces)))
        restored: Tensor = self.main_decoder(textures, self.inpfeat_extraction(faces), faces)
        return restored


class _Named(nn.Module):
    """A module under one more name."""

    def __init__(self, name: str, module: nn.Module) -> None:
        super().__init__()
        self.add_module(name, module)
        self._name = name

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.get_submodule(self._name)(x)
        return y


class _Resize(nn.Module):
    """A bilinear filter to half the size before a convolution, or to twice the size after it."""

    def __init__(self, before: int, after: int, scale: float) -> None:
        super().__init__()
        if scale != 1:
            self.conv = convolution(before, after)
        self._scale = scale

    def forward(self, x: Tensor) -> Tensor:
        if self._scale == 1:
            return x
        y: Tensor = _bilinear(self.conv(x), 2) if self._scale > 1 else self.conv(_bilinear(x, self._scale))
        return y


def _bilinear(x: Tensor, scale: float) -> Tensor:
    size = [int(side * scale) for side in x.shape[2:]]
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels, channels, _SHORTCUT) for _ in range(count)))


class _Encoder(nn.Module):
    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.conv_in = convolution(3, channels[0])
        self.encoder_dict = nn.ModuleDict()
        self.pre_downsample_dict = nn.ModuleDict()
        for level, own in enumerate(channels):
            self.encoder_dict[level_name(level)] = _blocks(own, _ENCODER_BLOCKS)
            larger = channels[max(0, level - 1)]
            self.pre_downsample_dict[level_name(level)] = _Resize(larger, own, 0.5 if level else 1)
        last = nn.Sequential(norm(channels[-1]), nn.SiLU(), convolution(channels[-1], channels[-1]))
        self.enc_convout_dict = nn.ModuleDict({level_name(len(channels) - 1): last})
        self._last = level_name(len(channels) - 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for name, blocks in self.encoder_dict.items():
            x = blocks(self.pre_downsample_dict[name](x))
        y: Tensor = self.enc_convout_dict[self._last](x)
        return y


class _Quantizer(nn.Module):
    def __init__(self, channels: int, codes: int, width: int) -> None:
        super().__init__()
        self.quant_conv = nn.Conv2d(channels, width, 1)
        self.post_quant_conv = nn.Conv2d(width, channels, 1)
        self.embedding = nn.Embedding(codes, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.post_quant_conv(nearest_codes(self.quant_conv(x), self.embedding.weight))
        return y


class _Decoder(nn.Module):
    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.decoder_dict = nn.ModuleDict()
        self.pre_upsample_dict = nn.ModuleDict()
        last = len(channels) - 1
        for level in range(last, -1, -1):
            self.decoder_dict[level_name(level)] = _blocks(channels[level], _DECODER_BLOCKS)
            smaller = channels[min(last, level + 1)]
            self.pre_upsample_dict[level_name(level)] = _Resize(
                smaller, channels[level], 1 if level == last else 2
            )
        # Drew the dictionary's own faces while it was trained; the file has it, the restored face does not.
        self.conv_out = nn.Sequential(norm(channels[0]), nn.SiLU(), convolution(channels[0], 3))

    def forward(self, codes: Tensor) -> list[Tensor]:
        """Return the textures, the smallest first."""
        x = codes.to(next(self.parameters()).dtype)
        textures = []
        for name, blocks in self.decoder_dict.items():
            x = blocks(self.pre_upsample_dict[name](x))
            textures.append(x)
        return textures


class _WarpingFromPhoto(TextureWarping):
    """Texture warping that reduces the photo's features by itself."""

    def __init__(self, channels: int, seen: int, previous: int, level: int) -> None:
        super().__init__(channels, seen, GROUPS, previous)
        self.downsample = _Resize(seen, seen, 1 / 2**level)

    def forward(self, textures: Tensor, seen: Tensor, previous: Tensor | None) -> tuple[Tensor, Tensor]:
        return super().forward(textures, self.downsample(seen), previous)


class _MainDecoder(WarpingDecoder):
    def __init__(self, channels: Sequence[int], seen: int) -> None:
        super().__init__(
            channels,
            lambda level, own, above: _WarpingFromPhoto(own, seen, above, level),
            lambda before, after: _Resize(before, after, 2),
            _SHORTCUT,
        )
        self.conv_out_1 = nn.Sequential(norm(channels[0]), nn.SiLU())
        self.conv_out = nn.Sequential(convolution(channels[0] + 3, 3))

    def forward(self, textures: Sequence[Tensor], seen: Tensor, faces: Tensor) -> Tensor:
        """Return the restored faces; `textures` come smallest first."""
        x = self.features(textures, seen)
        y: Tensor = self.conv_out(torch.cat([self.conv_out_1(x), faces], 1))
        return y
