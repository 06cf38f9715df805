"""GFPGAN ("clean": 1.2, 1.3, 1.4) in fewer operations than in its published form, from the same state dict.

A U-Net reads the face: its bottleneck gives one style for each layer of a StyleGAN2, and each level of its
decoder the scale and shift of half the generator's channels at the same size (Wang et al. 2021, "Towards
Real-World Blind Face Restoration with Generative Facial Prior"; GFPGANv1Clean of the package gfpgan).
Styles, their demodulation and the sum of the pictures stay in float32 at every precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from facewatch.restoration.networks.fast import Forward, Precision
from facewatch.restoration.networks.fast.layers import (
    Convolution,
    Linear,
    UpsampleConvolution,
    Weights,
    downsample,
    leaky_relu_,
    upsample,
)
from facewatch.restoration.networks.state_dict import StateDict

_LEVELS = range(7)  # of the generator, 8x8 to 512x512
_STYLE = 512  # numbers in one style


def build(state: StateDict, device: str, precision: Precision) -> Forward:
    """Build the network on its device; it ignores the weight, and adds the noise stored in the checkpoint.

    state    as spandrel accepts it for GFPGAN; it is emptied meanwhile, so that no tensor is held twice
    """
    network = _network(Weights(state, device, precision))
    state.clear()  # the rest is for training, or for styles from random numbers
    return lambda x, _weight: network(x)


@dataclass(frozen=True, eq=False)
class _DownBlock:
    """A residual block that halves the size."""

    first: Convolution
    second: Convolution
    skip: Convolution  # 1x1

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        y = leaky_relu_(self.second(downsample(leaky_relu_(self.first(x)))))
        return y.add_(self.skip(downsample(x)))


@dataclass(frozen=True, eq=False)
class _UpBlock:
    """A residual block that doubles the size, and the scale and shift read from its output."""

    first: Convolution
    second: UpsampleConvolution
    skip: Convolution  # 1x1
    condition: tuple[Convolution, Convolution]  # of scale and shift, joined

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        y = leaky_relu_(self.second(leaky_relu_(self.first(x))))
        # A 1x1 convolution and upsampling commute: in this order it sees a quarter of the pixels.
        return y.add_(upsample(self.skip(x)))

    def scale_and_shift(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scale and shift of the generator's channels, from the block's output."""
        first, second = self.condition
        scale, shift = second(leaky_relu_(first(y))).chunk(2, dim=1)
        return scale, shift


@dataclass(frozen=True, eq=False)
class _ModulatedConvolution:
    """A convolution whose input channels are scaled by a style.

    Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", equations 1 to 3.
    """

    filters: Convolution | UpsampleConvolution
    style: Linear  # float32
    squared_norms: torch.Tensor | None  # (in, out) float32, of the kernels; None: not demodulated
    noise: torch.Tensor | None  # (1, 1, H, W); None: neither noise nor activation

    def __call__(self, x: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        """Convolve (N, in, H, W) with the style of `latent`, (N, 512) float32."""
        style, gain = self.style(latent), None
        if self.squared_norms is not None:
            gain = torch.rsqrt(style.square() @ self.squared_norms + 1e-8) * 2**0.5
        # One face's filters are fewer numbers than its picture; several faces would need a call each.
        y = self.filters.scaled(style, gain)(x) if len(x) == 1 else self._shared(x, style, gain)
        return y if self.noise is None else leaky_relu_(y.add_(self.noise))

    def _shared(self, x: torch.Tensor, style: torch.Tensor, gain: torch.Tensor | None) -> torch.Tensor:
        y = self.filters.without_bias()(x * style[:, :, None, None].to(x.dtype))
        if gain is not None:
            y.mul_(gain[:, :, None, None].to(y.dtype))
        assert self.filters.bias is not None
        return y.add_(self.filters.bias[:, None, None])


@dataclass(frozen=True, eq=False)
class _Level:
    """One resolution of the generator."""

    upsampling: _ModulatedConvolution
    plain: _ModulatedConvolution
    to_rgb: _ModulatedConvolution


@dataclass(frozen=True, eq=False)
class _Network:
    first: Convolution
    down: list[_DownBlock]
    last: Convolution
    to_latents: Linear
    up: list[_UpBlock]
    constant: torch.Tensor  # (1, 512, 4, 4)
    smallest: _ModulatedConvolution
    smallest_to_rgb: _ModulatedConvolution
    levels: list[_Level]

    def __call__(self, faces: torch.Tensor) -> torch.Tensor:
        """Map (N, 3, 512, 512) float32 to the same shape and type."""
        features = self._read(faces.to(self.constant.dtype).contiguous(memory_format=torch.channels_last))
        decoded = leaky_relu_(self.last(features[-1]))
        latents = self.to_latents(decoded.contiguous().flatten(1)).float().view(len(faces), -1, _STYLE)
        x = self.constant.expand(len(faces), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.smallest(x, latents[:, 0])
        picture = self.smallest_to_rgb(x, latents[:, 1]).float()
        for index, (up, level) in enumerate(zip(self.up, self.levels, strict=True)):
            decoded = up(decoded.add_(features.pop()))
            x = level.upsampling(x, latents[:, 2 * index + 1])
            scale, shift = up.scale_and_shift(decoded)
            half = x[:, x.shape[1] // 2 :]
            torch.addcmul(shift, half, scale, out=half)
            x = level.plain(x, latents[:, 2 * index + 2])
            picture = upsample(picture).add_(level.to_rgb(x, latents[:, 2 * index + 3]))
        return picture

    def _read(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the encoder's features, each half the size of the one before."""
        x = leaky_relu_(self.first(x))
        features = []
        for block in self.down:
            x = block(x)
            features.append(x)
        return features


def _network(weights: Weights) -> _Network:
    decoder = "stylegan_decoder"
    return _Network(
        first=weights.convolution("conv_body_first"),
        down=[_down_block(weights, f"conv_body_down.{level}") for level in _LEVELS],
        last=weights.convolution("final_conv"),
        to_latents=weights.linear("final_linear"),
        up=[_up_block(weights, level) for level in _LEVELS],
        constant=weights.take(f"{decoder}.constant_input.weight"),
        smallest=_modulated_convolution(weights, f"{decoder}.style_conv1", 0),
        smallest_to_rgb=_to_rgb(weights, f"{decoder}.to_rgb1"),
        levels=[
            _Level(
                upsampling=_modulated_convolution(
                    weights, f"{decoder}.style_convs.{2 * level}", 2 * level + 1, upsampling=True
                ),
                plain=_modulated_convolution(
                    weights, f"{decoder}.style_convs.{2 * level + 1}", 2 * level + 2
                ),
                to_rgb=_to_rgb(weights, f"{decoder}.to_rgbs.{level}"),
            )
            for level in _LEVELS
        ],
    )


def _down_block(weights: Weights, name: str) -> _DownBlock:
    parts = (weights.convolution(f"{name}.{part}") for part in ("conv1", "conv2", "skip"))
    return _DownBlock(*parts)


def _up_block(weights: Weights, level: int) -> _UpBlock:
    name = f"conv_body_up.{level}"
    return _UpBlock(
        first=weights.convolution(f"{name}.conv1"),
        second=UpsampleConvolution.of(weights.convolution(f"{name}.conv2")),
        skip=weights.convolution(f"{name}.skip"),
        condition=(
            weights.joined_convolution(f"condition_scale.{level}.0", f"condition_shift.{level}.0"),
            weights.joined_convolution(f"condition_scale.{level}.2", f"condition_shift.{level}.2", groups=2),
        ),
    )


def _modulated_convolution(
    weights: Weights, name: str, number: int, *, upsampling: bool = False
) -> _ModulatedConvolution:
    exact = weights.take(f"{name}.modulated_conv.weight", torch.float32)[0]
    plain = _filters(weights, name, exact)
    strength = weights.take(f"{name}.weight", torch.float32)
    return _ModulatedConvolution(
        filters=UpsampleConvolution.of(plain) if upsampling else plain,
        style=weights.linear(f"{name}.modulated_conv.modulation", torch.float32),
        squared_norms=torch.linalg.vector_norm(exact, dim=(2, 3)).square().t().contiguous(),
        noise=(strength * weights.take(f"stylegan_decoder.noises.noise{number}", torch.float32)).to(
            weights.dtype
        ),
    )


def _to_rgb(weights: Weights, name: str) -> _ModulatedConvolution:
    weight = weights.take(f"{name}.modulated_conv.weight", torch.float32)[0]
    style = weights.linear(f"{name}.modulated_conv.modulation", torch.float32)
    return _ModulatedConvolution(_filters(weights, name, weight), style, squared_norms=None, noise=None)


def _filters(weights: Weights, name: str, weight: torch.Tensor) -> Convolution:
    """Return a modulated convolution's filters, (out, in, k, k), and its bias, added after the noise."""
    reduced = weight.to(weights.dtype).contiguous(memory_format=torch.channels_last)
    return Convolution(reduced, weights.take(f"{name}.bias").flatten())
