"""StyleGAN's synthesis network, in which PULSE searches, from its published state dict.

After StyleGAN (Karras et al. 2018, "A Style-Based Generator Architecture for Generative Adversarial
Networks"), in the form of PULSE's file: each layer adds noise, activates, gives every channel the mean 0 and
the deviation 1, and takes scale and shift from its style.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

_SMALLEST = 4  # pixels of the constant
_FUSED = 128  # from this side on, pixels are doubled by the convolution itself


class StyleGAN(nn.Module):
    """The network, which draws faces of 4 * 2 ** (len(channels) - 1) pixels."""

    def __init__(self, channels: Sequence[int], style: int) -> None:
        """
        channels  by level, the smallest picture first
        style     numbers in the style of a layer
        """
        super().__init__()
        self.blocks = nn.ModuleDict({"4x4": _First(channels[0], style)})
        for level, (before, after) in enumerate(itertools.pairwise(channels), start=1):
            side = _SMALLEST << level
            self.blocks[f"{side}x{side}"] = _Doubling(before, after, style, fused=side >= _FUSED)
        self.torgb = _Convolution(channels[-1], 3, 1, gain=1.0)

    def settle(self) -> None:
        """Scale the weights, once."""
        for module in self.modules():
            if isinstance(module, _Convolution | _Linear):
                module.settle()

    def forward(self, styles: Tensor, noises: Sequence[Tensor]) -> Tensor:
        """Draw faces, (N, 3, S, S) in [-1, 1] and beyond.

        styles  (N, layers, style)
        noises  one for each layer, (N, 1, side, side)
        """
        x = styles  # its number of faces; the first block starts from its constant
        for number, block in enumerate(self.blocks.values()):
            layers = slice(2 * number, 2 * number + 2)
            x = block(x, styles[:, layers], noises[layers])
        picture: Tensor = self.torgb(x)
        return picture


class _Convolution(nn.Module):
    """A convolution whose stored weights are scaled by their number."""

    def __init__(self, before: int, after: int, side: int, gain: float = math.sqrt(2)) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(after, before, side, side))
        self.bias = nn.Parameter(torch.empty(after))
        self._gain = gain

    def settle(self) -> None:
        scale = self._gain / math.sqrt(self.weight[0].numel())
        self.weight = nn.Parameter(self.weight * scale, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2)


class _DoublingConvolution(_Convolution):
    """Doubles the pixels, and blurs them."""

    def __init__(self, before: int, after: int, *, fused: bool) -> None:
        super().__init__(before, after, 3)
        self.intermediate = _Blur()
        self._fused = fused

    def settle(self) -> None:
        super().settle()
        if self._fused:
            w = F.pad(self.weight.transpose(0, 1), (1, 1, 1, 1))
            w = w[:, :, 1:, 1:] + w[:, :, :-1, 1:] + w[:, :, 1:, :-1] + w[:, :, :-1, :-1]
            self.weight = nn.Parameter(w.contiguous(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        if self._fused:
            x = F.conv_transpose2d(x, self.weight, stride=2, padding=1)
        else:
            x = F.conv2d(F.interpolate(x, scale_factor=2), self.weight, padding=1)
        blurred: Tensor = self.intermediate(x)
        return blurred + self.bias[:, None, None]


class _Blur(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.empty(1, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        return F.conv2d(x, self.get_buffer("kernel").expand(channels, -1, -1, -1), padding=1, groups=channels)


class _Linear(nn.Module):
    """A linear layer whose stored weights are scaled by their number."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(after, before))
        self.bias = nn.Parameter(torch.empty(after))

    def settle(self) -> None:
        scale = 1 / math.sqrt(self.weight.shape[1])
        self.weight = nn.Parameter(self.weight * scale, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class _Noise(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        y: Tensor = x + self.weight[:, None, None] * noise
        return y


class _Style(nn.Module):
    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.lin = _Linear(style, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale, shift = self.lin(style)[:, :, None, None].chunk(2, 1)
        y: Tensor = x * (scale + 1.0) + shift
        return y


class _Epilogue(nn.Module):
    """Noise, activation, normalisation and style of one layer."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.noise = _Noise(channels)
        self.style_mod = _Style(channels, style)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        normal = F.instance_norm(F.leaky_relu(self.noise(x, noise), 0.2))
        y: Tensor = self.style_mod(normal, style)
        return y


class _First(nn.Module):
    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.const = nn.Parameter(torch.empty(1, channels, _SMALLEST, _SMALLEST))
        self.bias = nn.Parameter(torch.empty(channels))
        self.epi1 = _Epilogue(channels, style)
        self.conv = _Convolution(channels, channels, 3)
        self.epi2 = _Epilogue(channels, style)

    def forward(self, faces: Tensor, styles: Tensor, noises: Sequence[Tensor]) -> Tensor:
        x = (self.const + self.bias[:, None, None]).expand(len(faces), -1, -1, -1)
        x = self.conv(self.epi1(x, styles[:, 0], noises[0]))
        y: Tensor = self.epi2(x, styles[:, 1], noises[1])
        return y


class _Doubling(nn.Module):
    def __init__(self, before: int, after: int, style: int, *, fused: bool) -> None:
        super().__init__()
        self.conv0_up = _DoublingConvolution(before, after, fused=fused)
        self.epi1 = _Epilogue(after, style)
        self.conv1 = _Convolution(after, after, 3)
        self.epi2 = _Epilogue(after, style)

    def forward(self, x: Tensor, styles: Tensor, noises: Sequence[Tensor]) -> Tensor:
        x = self.epi1(self.conv0_up(x), styles[:, 0], noises[0])
        y: Tensor = self.epi2(self.conv1(x), styles[:, 1], noises[1])
        return y
