"""Layers of both versions of VQFR, with the names of their published state dicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from facewatch.restoration.networks.torch_imports import deformable_convolution

GROUPS = 4  # of channels that are warped alike
SMALLEST = 16  # pixels of the latent
_TAPS = 9  # of a 3x3 convolution; each has two offsets and a factor


def norm(channels: int) -> nn.GroupNorm:
    """Return a group normalisation in 32 groups."""
    return nn.GroupNorm(32, channels, eps=1e-6)


def convolution(before: int, after: int) -> nn.Conv2d:
    """Return a 3x3 convolution that keeps the size."""
    return nn.Conv2d(before, after, 3, padding=1)


def level_name(level: int) -> str:
    """Return the name that a level has in a state dict; 0 is the largest picture."""
    return f"Level_{2**level}"


class ResidualBlock(nn.Module):
    """Two normalised convolutions and a shortcut, which is a 1x1 convolution where the channels change."""

    def __init__(self, before: int, after: int, shortcut: str) -> None:
        super().__init__()
        self.norm1 = norm(before)
        self.conv1 = convolution(before, after)
        self.norm2 = norm(after)
        self.conv2 = convolution(after, after)
        self._shortcut = shortcut if before != after else ""
        if self._shortcut:
            self.add_module(shortcut, nn.Conv2d(before, after, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x), inplace=True))
        y = self.conv2(F.silu(self.norm2(y), inplace=True))
        added: Tensor = y + (self.get_submodule(self._shortcut)(x) if self._shortcut else x)
        return added


class DeformableConvolution(nn.Module):
    """A 3x3 convolution whose taps lie where another feature map says (Zhu et al. 2019), in float32."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.empty(channels))
        self.conv_offset = convolution(channels, groups * 3 * _TAPS)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        first, second, factor = self.conv_offset(guide).chunk(3, 1)
        offsets = torch.cat([first, second], 1)
        warp = deformable_convolution()
        warped: Tensor = warp(x, offsets, self.weight, self.bias, padding=1, mask=factor.sigmoid())
        return warped


class TextureWarping(nn.Module):
    """Moves the textures of the dictionary to where the photo has them, in float32."""

    def __init__(self, channels: int, seen: int, groups: int, previous: int) -> None:
        """
        channels  of the textures
        seen      of the features of the photo
        groups    of channels that move alike
        previous  channels of the guide of the level before; 0: there is none
        """
        super().__init__()
        self.offset_conv1 = nn.Sequential(
            nn.Conv2d(channels + seen, channels, 1),
            norm(channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels),
            norm(channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 1),
        )
        self.offset_conv2 = nn.Sequential(
            convolution(channels + previous, channels), norm(channels), nn.SiLU()
        )
        self.dcn = DeformableConvolution(channels, groups)

    def forward(self, textures: Tensor, seen: Tensor, previous: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the warped textures and the guide, both of the textures' size.

        seen      features of the photo at the same size
        previous  the guide of the level before, of half the size
        """
        guide = self.offset_conv1(torch.cat([seen, textures], 1))
        if previous is not None:
            larger = F.interpolate(previous, scale_factor=2, mode="bilinear", align_corners=False)
            guide = torch.cat([guide, larger * 2], 1)
        guide = self.offset_conv2(guide)
        return self.dcn(textures, guide), guide


class WarpingDecoder(nn.Module):
    """The decoder beside the textures' own: it warps them to the photo at each level, and adds detail."""

    def __init__(
        self,
        channels: Sequence[int],
        warping: Callable[[int, int, int], nn.Module],
        enlarging: Callable[[int, int], nn.Module],
        shortcut: str,
    ) -> None:
        """
        channels   by level, the largest picture first
        warping    makes the warping of a level from its number, its channels, and those of the level before
        enlarging  makes what doubles the size from the channels before and after
        shortcut   name of the residual blocks' shortcut
        """
        super().__init__()
        self.decoder_dict = nn.ModuleDict()
        self.pre_upsample_dict = nn.ModuleDict()
        self.align_func_dict = nn.ModuleDict()
        for level in reversed(range(len(channels))):
            name, own = level_name(level), channels[level]
            above = channels[level + 1] if level + 1 < len(channels) else 0
            self.align_func_dict[name] = warping(level, own, above)
            if above:
                self.pre_upsample_dict[name] = enlarging(above, own)
                self.decoder_dict[name] = ResidualBlock(2 * own, own, shortcut)

    def features(self, textures: Sequence[Tensor], seen: Tensor) -> Tensor:
        """Return the features at the full size, in float32.

        textures  the smallest first
        seen      the photo's own features at the full size
        """
        x, guide = torch.empty(0), None
        for level, texture in zip(reversed(range(len(textures))), textures, strict=True):
            name = level_name(level)
            warped, guide = self.align_func_dict[name](texture.float(), seen, guide)
            if name in self.decoder_dict:
                x = in_float32(self.pre_upsample_dict[name], x)
                x = in_float32(self.decoder_dict[name], torch.cat([x, warped], 1))
            else:
                x = warped
        return x


def nearest_codes(latent: Tensor, codebook: Tensor) -> Tensor:
    """Return the nearest code at each position, as the codes' numbers, (N, C, H, W), of an equal latent."""
    positions = latent.permute(0, 2, 3, 1)
    # The squared distance without each position's own squared length, which is the same for every code.
    numbers = (codebook.square().sum(1) - 2 * (positions @ codebook.t())).argmin(3)
    return F.embedding(numbers, codebook).permute(0, 3, 1, 2).contiguous()


def in_float32(module: nn.Module, x: Tensor) -> Tensor:
    """Return a module's output for `x` in float32, whatever its own data type."""
    dtype = next(module.parameters()).dtype
    y: Tensor = module(x.to(dtype)).float()
    return y
