"""GPEN, for crops of 256, 512, 1024 or 2048 pixels, from its published state dict.

After GPEN (Yang et al. 2021, "GAN Prior Embedded Network for Blind Face Restoration in the Wild"), with the
layer names of its published files: an encoder halves the face down to 4 x 4 and gives one style for a whole
StyleGAN2 (Karras et al. 2020), whose layers get the encoder's features of their size where StyleGAN2 has
noise. Styles, their demodulation and the sum of the pictures stay in float32 at every precision.
"""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from facewatch.restoration.networks.fast import Forward, Precision
from facewatch.restoration.networks.state_dict import StateDict
from facewatch.restoration.networks.strict import load_strictly

_MARK = "generator.convs.0.noise.weight"
_SMALLEST = 4  # pixels of the generator's constant
_STYLE_RATE = 0.01  # by which the style's layers were trained more slowly; their weights are larger by it
_GAIN = math.sqrt(2)  # of the activation


def recognises(state: StateDict) -> bool:
    """Return True if a state dict looks like GPEN's."""
    return _MARK in state and "ecd0.0.0.weight" in state


def crop_size(state: StateDict) -> int:
    """Return the side in pixels of the faces that the network takes and returns.

    Raises ValueError when encoder and generator are for different sizes, as in GPEN's enlarging networks.
    """
    levels = len({key.split(".")[0] for key in state if key.startswith("ecd")})
    drawn = len({key.split(".")[2] for key in state if key.startswith("generator.to_rgbs.")})
    if drawn + 1 != levels:
        raise ValueError(f"it reads {2 ** (levels + 1)} px and draws {_SMALLEST * 2**drawn} px")
    return int(_SMALLEST * 2**drawn)


def build(state: StateDict, device: str, precision: Precision) -> Forward:
    """Return the network on its device; it ignores the weight.

    state  is emptied meanwhile

    Raises ValueError or KeyError when a key is missing or unknown, or a shape does not fit.
    """
    levels = len({key.split(".")[2] for key in state if key.startswith("generator.to_rgbs.")})
    channels = [state["generator.input.input"].shape[1]]
    channels += [state[f"generator.convs.{2 * level}.conv.weight"].shape[1] for level in range(levels)]
    style_layers = len({key.split(".")[2] for key in state if key.startswith("generator.style.")})
    style = state["final_linear.0.weight"].shape[0]
    network = load_strictly(lambda: GPEN(channels, style, style_layers), state)
    state.clear()
    dtype: torch.dtype = getattr(torch, precision)
    for module in network.modules():
        if isinstance(module, _Convolution | _ModulatedConvolution):
            module.settle(dtype)
    network.to(device)

    def forward(faces: Tensor, _weight: float) -> Tensor:
        restored: Tensor = network(faces, dtype)
        return restored

    return forward


class GPEN(nn.Module):
    """The network, for faces of 4 * 2 ** (len(channels) - 1) pixels."""

    def __init__(self, channels: list[int], style: int, style_layers: int) -> None:
        """
        channels      of the generator and the encoder by level, the smallest (4 px) first
        style         numbers in the style
        style_layers  of the style's own network
        """
        super().__init__()
        self.generator = _Generator(channels, style, style_layers)
        self._levels = len(channels)
        self.ecd0 = nn.Sequential(nn.Sequential(_Convolution(3, channels[-1], 1), _Activation(channels[-1])))
        for number, (small, large) in enumerate(zip(channels[-2::-1], channels[:0:-1], strict=True), start=1):
            self.add_module(f"ecd{number}", nn.Sequential(_halving(large, small)))
        pixels = channels[0] * _SMALLEST**2
        self.final_linear = nn.Sequential(_Linear(pixels, style, active=True))

    def forward(self, faces: Tensor, dtype: torch.dtype) -> Tensor:
        """Map (N, 3, S, S) float32 to the same, with convolutions in `dtype`."""
        x = faces.to(dtype).contiguous(memory_format=torch.channels_last)
        features = []
        for number in range(self._levels):
            x = self.get_submodule(f"ecd{number}")(x)
            features.append(x)
        style = self.generator.style(self.final_linear(x.float().flatten(1)))
        picture: Tensor = self.generator(style, features[::-1])
        return picture


class _Generator(nn.Module):
    def __init__(self, channels: list[int], style: int, style_layers: int) -> None:
        super().__init__()
        layers = [_Linear(style, style, rate=_STYLE_RATE, active=True) for _ in range(style_layers)]
        self.style = nn.Sequential(_Normalise(), *layers)
        self.input = _Constant(channels[0])
        self.conv1 = _Styled(channels[0], channels[0], style)
        self.to_rgb1 = _ToRGB(2 * channels[0], style, upsample=False)
        self.convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        for before, after in itertools.pairwise(channels):
            self.convs.append(_Styled(2 * before, after, style, upsample=True))
            self.convs.append(_Styled(2 * after, after, style))
            self.to_rgbs.append(_ToRGB(2 * after, style))

    def forward(self, style: Tensor, features: list[Tensor]) -> Tensor:
        """Draw faces; `features` of the encoder, the smallest first."""
        first, *larger = features
        x: Tensor = self.input.input.to(first.dtype).expand(len(style), -1, -1, -1)
        x = self.conv1(x.contiguous(memory_format=torch.channels_last), style, first)
        picture: Tensor = self.to_rgb1(x, style, None)
        for level, feature in enumerate(larger):
            x = self.convs[2 * level](x, style, feature)
            x = self.convs[2 * level + 1](x, style, feature)
            picture = self.to_rgbs[level](x, style, picture)
        return picture


class _Constant(nn.Module):
    """The picture of 4 x 4 pixels that every face starts from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.empty(1, channels, _SMALLEST, _SMALLEST))


class _Normalise(nn.Module):
    """Scales each style to a mean square of one."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class _Linear(nn.Module):
    """A linear layer whose stored weights are scaled by their number and their rate of learning."""

    def __init__(self, before: int, after: int, *, rate: float = 1.0, active: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(after, before))
        self.bias = nn.Parameter(torch.empty(after))
        self._rate, self._active = rate, active

    def forward(self, x: Tensor) -> Tensor:
        scale = self._rate / math.sqrt(self.weight.shape[1])
        y = F.linear(x, self.weight * scale, self.bias * self._rate)
        return F.leaky_relu(y, 0.2) * _GAIN if self._active else y


class _Activation(nn.Module):
    """Adds the bias of the convolution before it, and activates."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu_(x + self.bias.to(x.dtype)[:, None, None], 0.2).mul_(_GAIN)


class _Blur(nn.Module):
    """A filter of 4 x 4 numbers, the same for every channel."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.empty(4, 4))
        self._padding = padding

    def forward(self, x: Tensor) -> Tensor:
        filters = self.get_buffer("kernel").flip(0, 1).to(x.dtype).expand(x.shape[1], 1, 4, 4)
        return F.conv2d(x, filters, padding=self._padding, groups=x.shape[1])


class _Double(_Blur):
    """Puts zeros between the pixels, and blurs them."""

    def forward(self, x: Tensor) -> Tensor:
        filters = self.get_buffer("kernel").to(x.dtype).expand(x.shape[1], 1, 4, 4)
        return F.conv_transpose2d(x, filters, stride=2, padding=self._padding, groups=x.shape[1])


class _Convolution(nn.Module):
    """A convolution without bias whose stored weights are scaled by their number."""

    def __init__(self, before: int, after: int, side: int, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(after, before, side, side))
        self._stride = stride

    def settle(self, dtype: torch.dtype) -> None:
        """Scale the weights and convert them for the computation, once."""
        scale = 1 / math.sqrt(self.weight[0].numel())
        scaled = (self.weight * scale).to(dtype, memory_format=torch.channels_last)
        self.weight = nn.Parameter(scaled, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, stride=self._stride)


def _halving(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(_Blur(padding=2), _Convolution(before, after, 3, stride=2), _Activation(after))


class _ModulatedConvolution(nn.Module):
    """A convolution whose input channels are scaled by the style; equations 1 to 3 of StyleGAN2."""

    def __init__(
        self,
        before: int,
        after: int,
        side: int,
        style: int,
        *,
        demodulate: bool = True,
        upsample: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, after, before, side, side))
        self.modulation = _Linear(style, before)
        if upsample:
            self.blur = _Blur(padding=1)
        self._norms: Tensor | None  # (out, in) float32, the squared lengths of the kernels
        self.register_buffer("_norms", None, persistent=False)
        self._demodulate, self._upsample, self._side = demodulate, upsample, side

    def settle(self, dtype: torch.dtype) -> None:
        """Scale the weights and convert them for the computation, once."""
        scaled = self.weight[0].float() / math.sqrt(self.weight[0, 0].numel())
        if self._demodulate:
            self._norms = scaled.square().sum((2, 3))
        plain = scaled.transpose(0, 1) if self._upsample else scaled
        ready = plain.to(dtype).contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(ready, requires_grad=False)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        factors = self.modulation(style)
        x = x * factors.to(x.dtype)[:, :, None, None]
        if self._upsample:
            y: Tensor = self.blur(F.conv_transpose2d(x, self.weight, stride=2))
        else:
            y = F.conv2d(x, self.weight, padding=self._side // 2)
        if self._norms is None:
            return y
        gain = torch.rsqrt(factors.square() @ self._norms.t() + 1e-8)
        return y.mul_(gain.to(y.dtype)[:, :, None, None])


class _Noise(nn.Module):
    """Appends the encoder's features, in the place where StyleGAN2 adds noise."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1))

    def forward(self, x: Tensor, feature: Tensor) -> Tensor:
        return torch.cat([x, feature * self.weight.to(x.dtype)], 1)


class _Styled(nn.Module):
    def __init__(self, before: int, after: int, style: int, *, upsample: bool = False) -> None:
        super().__init__()
        self.conv = _ModulatedConvolution(before, after, 3, style, upsample=upsample)
        self.noise = _Noise()
        self.activate = _Activation(2 * after)

    def forward(self, x: Tensor, style: Tensor, feature: Tensor) -> Tensor:
        y: Tensor = self.activate(self.noise(self.conv(x, style), feature))
        return y


class _ToRGB(nn.Module):
    def __init__(self, before: int, style: int, *, upsample: bool = True) -> None:
        super().__init__()
        if upsample:
            self.upsample = _Double(padding=1)
        self.conv = _ModulatedConvolution(before, 3, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.empty(1, 3, 1, 1))

    def forward(self, x: Tensor, style: Tensor, picture: Tensor | None) -> Tensor:
        added: Tensor = self.conv(x, style).float() + self.bias
        if picture is None:
            return added
        doubled: Tensor = self.upsample(picture)
        return added.add_(doubled)
