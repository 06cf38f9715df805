"""GFPGAN ("clean": 1.2, 1.3, 1.4) in fewer steps than as it was published, from the same state dict.

A U-Net reads the face: its narrow end becomes one style for each layer of a StyleGAN2, and each level on its
way back up the scale and shift of half that generator's channels at the same size (Wang et al. 2021, "Towards
Real-World Blind Face Restoration with Generative Facial Prior"; GFPGANv1Clean of the package gfpgan).
Styles, their demodulation and the sum of the pictures stay in float32 at every precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from facewatch.restoration.networks.fast import Forward, Precision
from facewatch.restoration.networks.fast.layers import (
    Convolution,
    DoublingConvolution,
    Linear,
    Shelf,
    doubled,
    halved,
    leaky,
)
from facewatch.restoration.networks.state_dict import StateDict

_LEVELS = range(7)  # of the generator, 8x8 to 512x512
_STYLE = 512  # numbers in one style


def build(state: StateDict, device: str, precision: Precision) -> Forward:
    """The network on its device; it heeds no weight, and adds the noise of the checkpoint: never another.

    state    as spandrel accepts it for GFPGAN; it is emptied meanwhile, so that no weight is held twice
    """
    network = _network(Shelf(state, device, precision))
    state.clear()  # what is left served the training, or makes styles from nothing
    return lambda x, _weight: network(x)


@dataclass(frozen=True, eq=False)
class _Down:
    """A residual block that halves the picture."""

    first: Convolution
    second: Convolution
    skip: Convolution  # 1x1

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        y = leaky(self.second(halved(leaky(self.first(x)))))
        return y.add_(self.skip(halved(x)))


@dataclass(frozen=True, eq=False)
class _Up:
    """A residual block that doubles the picture, and the scale and shift read from it."""

    first: Convolution
    second: DoublingConvolution
    skip: Convolution  # 1x1
    condition: tuple[Convolution, Convolution]  # of scale and shift, side by side

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        y = leaky(self.second(leaky(self.first(x))))
        # A 1x1 convolution and doubling may change places: so it sees a quarter of the pixels.
        return y.add_(doubled(self.skip(x)))

    def scale_and_shift(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the block's own output means to the generator."""
        first, second = self.condition
        scale, shift = second(leaky(first(y))).chunk(2, dim=1)
        return scale, shift


@dataclass(frozen=True, eq=False)
class _Styled:
    """A convolution whose channels a style scales.

    Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", equations 1 to 3.
    """

    filters: Convolution | DoublingConvolution
    style: Linear  # float32
    energy: torch.Tensor | None  # (in, out) float32, the windows' sums of squares; None: not demodulated
    noise: torch.Tensor | None  # (1, 1, H, W); None: neither noise nor activation

    def __call__(self, x: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        """Convolve (N, in, H, W) in the style of `latent`, (N, 512) float32."""
        style, gain = self.style(latent), None
        if self.energy is not None:
            gain = torch.rsqrt(style.square() @ self.energy + 1e-8) * 2**0.5
        # One face's own filters are fewer numbers than its picture; several faces would want a call each.
        y = self.filters.scaled(style, gain)(x) if len(x) == 1 else self._shared(x, style, gain)
        return y if self.noise is None else leaky(y.add_(self.noise))

    def _shared(self, x: torch.Tensor, style: torch.Tensor, gain: torch.Tensor | None) -> torch.Tensor:
        y = self.filters.without_bias()(x * style[:, :, None, None].to(x.dtype))
        if gain is not None:
            y.mul_(gain[:, :, None, None].to(y.dtype))
        assert self.filters.bias is not None
        return y.add_(self.filters.bias[:, None, None])


@dataclass(frozen=True, eq=False)
class _Level:
    """One size of the generator."""

    doubling: _Styled
    plain: _Styled
    to_rgb: _Styled


@dataclass(frozen=True, eq=False)
class _Network:
    first: Convolution
    down: list[_Down]
    last: Convolution
    to_latents: Linear
    up: list[_Up]
    constant: torch.Tensor  # (1, 512, 4, 4)
    smallest: _Styled
    smallest_to_rgb: _Styled
    levels: list[_Level]

    def __call__(self, faces: torch.Tensor) -> torch.Tensor:
        """(N, 3, 512, 512) float32 -> the same."""
        features = self._read(faces.to(self.constant.dtype).contiguous(memory_format=torch.channels_last))
        seen = leaky(self.last(features[-1]))
        latents = self.to_latents(seen.contiguous().flatten(1)).float().view(len(faces), -1, _STYLE)
        x = self.constant.expand(len(faces), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.smallest(x, latents[:, 0])
        picture = self.smallest_to_rgb(x, latents[:, 1]).float()
        for index, (up, level) in enumerate(zip(self.up, self.levels, strict=True)):
            seen = up(seen.add_(features.pop()))
            x = level.doubling(x, latents[:, 2 * index + 1])
            scale, shift = up.scale_and_shift(seen)
            half = x[:, x.shape[1] // 2 :]
            torch.addcmul(shift, half, scale, out=half)
            x = level.plain(x, latents[:, 2 * index + 2])
            picture = doubled(picture).add_(level.to_rgb(x, latents[:, 2 * index + 3]))
        return picture

    def _read(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The U-Net's features, each half the size of the one before."""
        x = leaky(self.first(x))
        features = []
        for block in self.down:
            x = block(x)
            features.append(x)
        return features


def _network(shelf: Shelf) -> _Network:
    decoder = "stylegan_decoder"
    return _Network(
        first=shelf.convolution("conv_body_first"),
        down=[_down(shelf, f"conv_body_down.{level}") for level in _LEVELS],
        last=shelf.convolution("final_conv"),
        to_latents=shelf.linear("final_linear"),
        up=[_up(shelf, level) for level in _LEVELS],
        constant=shelf.take(f"{decoder}.constant_input.weight"),
        smallest=_styled(shelf, f"{decoder}.style_conv1", 0),
        smallest_to_rgb=_to_rgb(shelf, f"{decoder}.to_rgb1"),
        levels=[
            _Level(
                doubling=_styled(shelf, f"{decoder}.style_convs.{2 * level}", 2 * level + 1, doubling=True),
                plain=_styled(shelf, f"{decoder}.style_convs.{2 * level + 1}", 2 * level + 2),
                to_rgb=_to_rgb(shelf, f"{decoder}.to_rgbs.{level}"),
            )
            for level in _LEVELS
        ],
    )


def _down(shelf: Shelf, name: str) -> _Down:
    parts = (shelf.convolution(f"{name}.{part}") for part in ("conv1", "conv2", "skip"))
    return _Down(*parts)


def _up(shelf: Shelf, level: int) -> _Up:
    name = f"conv_body_up.{level}"
    return _Up(
        first=shelf.convolution(f"{name}.conv1"),
        second=DoublingConvolution.of(shelf.convolution(f"{name}.conv2")),
        skip=shelf.convolution(f"{name}.skip"),
        condition=(
            shelf.side_by_side(f"condition_scale.{level}.0", f"condition_shift.{level}.0"),
            shelf.side_by_side(f"condition_scale.{level}.2", f"condition_shift.{level}.2", groups=2),
        ),
    )


def _styled(shelf: Shelf, name: str, number: int, *, doubling: bool = False) -> _Styled:
    single = torch.float32
    exact = shelf.take(f"{name}.modulated_conv.weight", single)[0]
    plain = _filters(shelf, name, exact)
    strength = shelf.take(f"{name}.weight", single)
    return _Styled(
        filters=DoublingConvolution.of(plain) if doubling else plain,
        style=shelf.linear(f"{name}.modulated_conv.modulation", single),
        energy=torch.linalg.vector_norm(exact, dim=(2, 3)).square().t().contiguous(),
        noise=(strength * shelf.take(f"stylegan_decoder.noises.noise{number}", single)).to(shelf.dtype),
    )


def _to_rgb(shelf: Shelf, name: str) -> _Styled:
    weight = shelf.take(f"{name}.modulated_conv.weight", torch.float32)[0]
    style = shelf.linear(f"{name}.modulated_conv.modulation", torch.float32)
    return _Styled(_filters(shelf, name, weight), style, energy=None, noise=None)


def _filters(shelf: Shelf, name: str, weight: torch.Tensor) -> Convolution:
    """A modulated convolution's own filters, (out, in, k, k), and the bias that is added after the noise."""
    reduced = weight.to(shelf.dtype).contiguous(memory_format=torch.channels_last)
    return Convolution(reduced, shelf.take(f"{name}.bias").flatten())
