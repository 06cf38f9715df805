"""DFDNet, from its published state dict and its file of dictionaries.

After DFDNet (Li et al. 2020, "Blind Face Restoration via Deep Multi-scale Component Dictionaries"): VGG-19
reads features of the face at four sizes; eyes, nose and mouth are matched with dictionaries of such parts,
and the nearest entry of each is put back into the features; a decoder draws the face from them. The published
program finds the parts by 68 landmarks; here they lie where the frame of every crop has them, as in DMDNet.
Layers that the published program loads and never uses are loaded strictly, and dropped.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from facewatch.restoration.networks.dfdnet_dictionaries import LEVELS, PART_SIDES, SIZES, dictionary_name
from facewatch.restoration.networks.fast import Forward, Precision
from facewatch.restoration.networks.spectral import Convolution, Dilated, pair, resized
from facewatch.restoration.networks.state_dict import StateDict
from facewatch.restoration.networks.strict import load_strictly

# Left, top, right, bottom in a crop of 512 pixels: the published program's formulas on the mean 68 landmarks
# of faces, laid into the frame by eyes, nose and corners of the mouth.
PARTS = {
    "left_eye": (144, 178, 236, 269),
    "right_eye": (277, 177, 368, 268),
    "nose": (228, 294, 285, 350),
    "mouth": (202, 323, 312, 433),
}
"""The box of each part; an eye's reaches above its brow."""
_SHORT = {"left_eye": "le", "right_eye": "re", "nose": "no", "mouth": "mo"}  # in the names of layers
_CROP = 512
_VGG = (1, 1, "pool", 2, 2, "pool", 4, 4, 4, 4, "pool", 8, 8, 8, 8, "pool", 8, 8, 8, 8, "pool")
"""Convolutions of VGG-19 by their output channels, in units of the first's."""
_STARTS = (0, 8, 17, 26, 35)  # of the layers that lead to each size, and their end
_DICTIONARIES = "dictionaries"
_MARK = "VggExtract.features.0.0.weight"


def recognises(state: StateDict) -> bool:
    """Return True if a state dict looks like DFDNet's."""
    return _MARK in state and "le_256.0.weight_orig" in state


def build(state: StateDict, device: str, precision: Precision) -> Forward:
    """Return the network on its device; it ignores the weight.

    state  with the dictionaries, as `dfdnet_dictionaries` reads them; it is emptied meanwhile

    Raises ValueError or KeyError when a key is missing or unknown, or a shape does not fit.
    """
    width = state[_MARK].shape[0]
    shapes = [tuple(state[f"VggExtract.model.classifier.{layer}.weight"].shape) for layer in (0, 3, 6)]
    entries = {key.partition(".")[2]: len(state[key]) for key in state if key.startswith(_DICTIONARIES)}
    network = load_strictly(lambda: DFDNet(width, shapes, entries), state)
    state.clear()
    network.drop_unused()
    dtype: torch.dtype = getattr(torch, precision)
    for module in network.modules():
        if isinstance(module, Convolution):
            module.settle(dtype)
    network.dictionaries.settle()
    network.VggExtract.features.to(dtype).to(memory_format=torch.channels_last)
    network.up4.to(dtype).to(memory_format=torch.channels_last)
    network.to(device)

    def forward(faces: Tensor, _weight: float) -> Tensor:
        restored: Tensor = network(faces, dtype).float()
        return restored

    return forward


class DFDNet(nn.Module):
    """The network, for faces of 512 pixels."""

    def __init__(self, width: int, classifier: Sequence[tuple[int, ...]], entries: Mapping[str, int]) -> None:
        """
        width       channels of VGG's first layer, 64 in the published file
        classifier  shapes of VGG's last three layers, which are dropped
        entries     of each dictionary, by its name
        """
        super().__init__()
        self.VggExtract = _Vgg(width, classifier)
        for size, level in LEVELS.items():
            for part in PARTS:
                self.add_module(f"{_SHORT[part]}_{size}", pair(level * width, level * width))
        self.MSDilate = Dilated(8 * width)
        self.up0 = _Up(8 * width, 8 * width)
        self.up1 = _Up(8 * width, 4 * width)
        self.up2 = _Up(4 * width, 2 * width)
        self.up3 = _Up(2 * width, width)
        self.up4 = nn.Sequential(
            Convolution(width, width),
            nn.LeakyReLU(0.2),
            _Residual(width),
            _Residual(width),
            nn.Conv2d(width, 3, 3, padding=1),
            nn.Tanh(),
        )
        for number, channels in enumerate((8 * width, 4 * width, 2 * width, width)):
            small = nn.Sequential(
                Convolution(channels, channels), nn.LeakyReLU(0.2), Convolution(channels, 3)
            )
            self.add_module(f"to_rgb{number}", small)
        self.dictionaries = _Dictionaries(width, entries)

    def drop_unused(self) -> None:
        """Remove the layers that were of use in training only."""
        for number in range(4):
            delattr(self, f"to_rgb{number}")
        del self.VggExtract.model

    def forward(self, faces: Tensor, dtype: torch.dtype) -> Tensor:
        """Map (N, 3, S, S) float32 to the same in `dtype`; S is 512, or less for the same frame."""
        features = self.VggExtract(faces, dtype)
        x = self.MSDilate(features[-1])
        for number, (size, seen) in enumerate(zip(SIZES[::-1], features[::-1], strict=True)):
            x = self.get_submodule(f"up{number}")(x, self._enhanced(size, seen))
        restored: Tensor = self.up4(x)
        return restored

    def _enhanced(self, size: int, features: Tensor) -> Tensor:
        """Return the features of one size with the parts from the dictionaries."""
        enhanced = features.clone()
        for part, box in PARTS.items():
            left, top, right, bottom = (side * features.shape[-1] // _CROP for side in box)
            seen = features[:, :, top:bottom, left:right]
            nearest = self.dictionaries.nearest(dictionary_name(part, size), seen)
            read = F.interpolate(nearest, seen.shape[2:]).to(seen.dtype)
            attention = self.get_submodule(f"{_SHORT[part]}_{size}")(read - seen)
            enhanced[:, :, top:bottom, left:right] = attention * read + seen
        return enhanced


class _Dictionaries(nn.Module):
    """The entries of each part at each size; float32."""

    def __init__(self, width: int, entries: Mapping[str, int]) -> None:
        super().__init__()
        for size, level in LEVELS.items():
            for part, side in PART_SIDES.items():
                name, cells = dictionary_name(part, size), side * size // _CROP
                self.register_buffer(name, torch.empty(entries.get(name, 1), level * width, cells, cells))

    def settle(self) -> None:
        """Give each channel of each entry the mean 0 and the deviation 1, once."""
        for entries in self.buffers():
            for entry in entries:
                mean, deviation = _statistics(entry[None])
                entry.sub_(mean[0]).div_(deviation[0])

    def nearest(self, name: str, seen: Tensor) -> Tensor:
        """Return the entry nearest to each part, with the part's means and deviations, in float32.

        seen  (N, C, H, W)

        The published code gives every entry each part's means and deviations, and takes the largest product
        with the part; the means add the same number to all products.
        """
        entries = self.get_buffer(name)
        small = resized(seen.float(), *entries.shape[2:])
        mean, deviation = _statistics(small)
        products = (small * deviation).flatten(1) @ entries.flatten(1).t()
        return entries[products.argmax(1)] * deviation + mean


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return each channel's mean and deviation, (N, C, 1, 1)."""
    variance, mean = torch.var_mean(x, dim=(2, 3), keepdim=True)
    return mean, (variance + 1e-5).sqrt()


class _Vgg(nn.Module):
    """The features of VGG-19 at four sizes.

    The published module has its layers twice, in `model` and in `features`; those that come last in the file
    count. Its activations work in place: all features but the smallest are those after the activation.
    """

    def __init__(self, width: int, classifier: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.RGB_mean = nn.Parameter(torch.empty(1, 3, 1, 1))
        self.RGB_std = nn.Parameter(torch.empty(1, 3, 1, 1))
        self.model = nn.ModuleDict({"features": nn.ModuleDict(_vgg_layers(width))})
        last = {
            name: nn.Linear(before, after)
            for name, (after, before) in zip(("0", "3", "6"), classifier, strict=True)
        }
        self.model["classifier"] = nn.ModuleDict(last)
        layers = _vgg_layers(width)
        self.features = nn.ModuleList()
        for start, stop in itertools.pairwise(_STARTS):
            names = [str(number) for number in range(start, stop)]
            self.features.append(nn.ModuleDict({name: layers[name] for name in names}))

    def forward(self, faces: Tensor, dtype: torch.dtype) -> list[Tensor]:
        """Return the features of (N, 3, S, S) float32 faces in [-1, 1], the largest first."""
        x = ((faces + 1) / 2 - self.RGB_mean) / self.RGB_std
        x = x.to(dtype).contiguous(memory_format=torch.channels_last)
        found = []
        for part in self.features:
            for layer in part.children():
                x = layer(x)
            found.append(x)
        return [*map(F.relu, found[:-1]), found[-1]]


def _vgg_layers(width: int) -> dict[str, nn.Module]:
    """Return the layers of VGG-19 before its classifier, by their numbers."""
    layers: list[nn.Module] = []
    before = 3
    for row in _VGG:
        if isinstance(row, str):
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(before, row * width, 3, padding=1), nn.ReLU()]
        before = row * width
    return {str(number): layer for number, layer in enumerate(layers)}


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.Model = nn.Sequential(first, nn.LeakyReLU(0.2), second)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.Model(x)
        return y


class _Blur(nn.Module):
    """A filter of 3 x 3 numbers for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.empty(channels, 1, 3, 3))
        self.register_buffer("weight_flip", torch.empty(channels, 1, 3, 3))  # for training

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.get_buffer("weight").to(x.dtype), padding=1, groups=x.shape[1])


class _Up(nn.Module):
    """Doubles the size; the enhanced features give a scale and a shift."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        # The published module activates twice here, which multiplies negative numbers by 0.2 * 0.2.
        self.conv1 = nn.Sequential(_Blur(before), Convolution(before, after), nn.LeakyReLU(0.2 * 0.2))
        doubled = nn.Upsample(scale_factor=2, mode="bilinear")
        self.convup = nn.Sequential(doubled, Convolution(after, after), nn.LeakyReLU(0.2))
        self.ScaleModel1 = pair(before, after)
        self.ShiftModel1 = nn.Sequential(*pair(before, after), nn.Sigmoid())

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = self.conv1(x) * self.ScaleModel1(style) + self.ShiftModel1(style)
        doubled: Tensor = self.convup(y)
        return doubled
