"""DMDNet with its generic dictionaries, from its published state dict.

After DMDNet (Li et al. 2022, "Learning Dual Memory Dictionaries for Blind Face Restoration"): at three sizes,
eyes and mouth read from dictionaries of such parts, weighted by likeness, and are put back into the features
of the face. The published program finds the parts by 68 landmarks; here they lie where the frame of every
crop has them, since a crop is turned upright by five landmarks. The layers for dictionaries of one person are
loaded strictly, and dropped.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from facewatch.restoration.networks.fast import Forward, Precision
from facewatch.restoration.networks.spectral import Convolution, Dilated, pair, resized
from facewatch.restoration.networks.state_dict import StateDict
from facewatch.restoration.networks.strict import load_strictly

_WIDTH = 64  # channels at 256 pixels, doubled at each halving
_KEY_SHARE = 4  # a key has a quarter of its value's channels
_SIZES = (256, 128, 64)  # of the features, pixels
# Left, top, right, bottom in a crop of 512 pixels, by the published program's formulas: an eye from above its
# brow to the cheek, the mouth as a square.
PARTS = {"LE": (149, 182, 237, 270), "RE": (275, 182, 363, 271), "MO": (196, 310, 318, 432)}
"""The box of each part: left eye, right eye, mouth."""
_PART_SIDES = {"LE": 80, "RE": 80, "MO": 110}  # of the dictionaries' entries, in pixels of a 512 crop
_CROP = 512
_MARK = "le_256_mem_key"


def recognises(state: StateDict) -> bool:
    """Return True if a state dict looks like DMDNet's."""
    return _MARK in state and "E_lq.LE_256_Q.Query.0.weight_orig" in state


def build(state: StateDict, device: str, precision: Precision) -> Forward:
    """Return the network on its device; it ignores the weight.

    state  is emptied meanwhile

    Raises ValueError or KeyError when a key is missing or unknown, or a shape does not fit.
    """
    entries = state[_MARK].shape[0]
    network = load_strictly(lambda: DMDNet(entries), state)
    state.clear()
    network.drop_personal()
    dtype: torch.dtype = getattr(torch, precision)
    for module in network.modules():
        if isinstance(module, Convolution):
            module.settle(dtype)
    network.to(device)

    def forward(faces: Tensor, _weight: float) -> Tensor:
        restored: Tensor = network(faces.to(dtype)).float()
        return restored

    return forward


class DMDNet(nn.Module):
    """The network, for faces of 512 pixels."""

    def __init__(self, entries: int) -> None:
        """
        entries  of each dictionary
        """
        super().__init__()
        self.E_lq = _Features()
        self.E_hq = _Features()
        for level, size in enumerate(_SIZES):
            channels = _WIDTH * 2**level
            keys = channels // _KEY_SHARE
            for part, side in _PART_SIDES.items():
                self.add_module(f"{part}_{size}_KV", _KeyValue(channels, keys))
                self.add_module(f"{part}_{size}_Attention", pair(channels, channels))
                self.add_module(f"{part}_{size}_Mask", _Mask(channels))
                cells = side * size // _CROP
                name = f"{part.lower()}_{size}_mem"
                self.register_buffer(f"{name}_key", torch.empty(entries, keys, cells, cells))
                self.register_buffer(f"{name}_value", torch.empty(entries, channels, cells, cells))
        self.MSDilate = Dilated(4 * _WIDTH)
        self.up1 = _Up(4 * _WIDTH, 2 * _WIDTH)
        self.up2 = _Up(2 * _WIDTH, _WIDTH)
        self.up3 = _Up(_WIDTH, _WIDTH)
        self.up4 = nn.Sequential(
            Convolution(_WIDTH, _WIDTH),
            nn.LeakyReLU(0.2),
            _Residual(_WIDTH),
            _Residual(_WIDTH),
            Convolution(_WIDTH, 3),
            nn.Tanh(),
        )

    def drop_personal(self) -> None:
        """Remove the layers that read other photos of the same person."""
        del self.E_hq
        for size in _SIZES:
            for part in PARTS:
                delattr(self, f"{part}_{size}_KV")
                delattr(self, f"{part}_{size}_Mask")

    def forward(self, faces: Tensor) -> Tensor:
        """Map (N, 3, 512, 512), or a smaller picture of the same frame, to the same."""
        features = self.E_lq(faces.contiguous(memory_format=torch.channels_last))
        enhanced = {size: self._enhanced(size, features[size]) for size in _SIZES}
        x = self.MSDilate(features[64])
        for up, size in ((self.up1, 64), (self.up2, 128), (self.up3, 256)):
            x = up(x, enhanced[size])
        restored: Tensor = self.up4(x)
        return restored

    def _enhanced(self, size: int, features: Tensor) -> Tensor:
        """Return the features of one size with the parts from the dictionaries."""
        enhanced = features.clone()
        for part, box in PARTS.items():
            left, top, right, bottom = (side * features.shape[-1] // _CROP for side in box)
            cells = _PART_SIDES[part] * size // _CROP
            seen = resized(features[:, :, top:bottom, left:right], cells, cells)
            read = _match(self._read(part, size, seen), seen)
            attention = self.get_submodule(f"{part}_{size}_Attention")
            final = attention(read - seen) * read + seen
            enhanced[:, :, top:bottom, left:right] = resized(final, bottom - top, right - left)
        return enhanced

    def _read(self, part: str, size: int, seen: Tensor) -> Tensor:
        """Return the mean of a dictionary's entries, weighted by their likeness to the part, in float32."""
        query = self.E_lq.get_submodule(f"{part}_{size}_Q")(seen).float()
        keys = self.get_buffer(f"{part.lower()}_{size}_mem_key")
        values = self.get_buffer(f"{part.lower()}_{size}_mem_value")
        likeness = query.flatten(1) @ keys.flatten(1).t()
        shares = (likeness / len(keys) ** 0.5).softmax(1)
        read: Tensor = shares @ values.flatten(1)
        return read.reshape(len(seen), *values.shape[1:])


def _match(read: Tensor, seen: Tensor) -> Tensor:
    """Give what was read each channel's mean and deviation in the part that was seen; AdaIN, in float32."""
    (variance, mean), (wanted_variance, wanted_mean) = (
        torch.var_mean(x.float(), dim=(2, 3), keepdim=True) for x in (read, seen)
    )
    scale = ((wanted_variance + 1e-5) / (variance + 1e-5)).sqrt()
    return ((read - mean) * scale + wanted_mean).to(seen.dtype)


class _Query(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.Query = pair(before, after)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.Query(x)
        return y


class _KeyValue(nn.Module):
    """Makes an entry of a person's dictionary; unused here."""

    def __init__(self, channels: int, keys: int) -> None:
        super().__init__()
        self.Key = pair(channels, keys)
        self.Value = pair(channels, channels)


class _Mask(nn.Module):
    """Chooses between a person's dictionary and the generic one; unused here."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        third = channels // 3
        self.conv1, self.conv2, self.conv3 = (pair(channels, third) for _ in range(3))
        self.convCat = pair(3 * third, channels)


class _Residual(nn.Module):
    def __init__(self, channels: int, dilations: tuple[int, int] | None = None) -> None:
        """
        dilations  None: of the exit, whose layers have another name
        """
        super().__init__()
        self._name = "Res" if dilations else "Model"
        self.add_module(self._name, pair(channels, channels, dilations=dilations or (1, 1)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.get_submodule(self._name)(x)
        return y


class _Features(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        before = 3
        for level, dilations in enumerate(((5, 3), (3, 1), (1, 1))):
            channels, number = _WIDTH * 2**level, 2 * level + 1
            self.add_module(f"conv{number}", pair(before, channels, stride=2))
            self.add_module(f"conv{number + 1}", pair(channels, channels))
            self.add_module(f"res{number}", _Residual(channels, dilations))
            self.add_module(f"res{number + 1}", _Residual(channels, dilations))
            for part in PARTS:
                self.add_module(f"{part}_{_SIZES[level]}_Q", _Query(channels, channels // _KEY_SHARE))
            before = channels

    def forward(self, x: Tensor) -> dict[int, Tensor]:
        """Return the features by their size."""
        found = {}
        for level, size in enumerate(_SIZES):
            for number in (2 * level + 1, 2 * level + 2):
                x = self.get_submodule(f"res{number}")(self.get_submodule(f"conv{number}")(x))
            found[size] = x
        return found


class _Up(nn.Module):
    """Doubles the size; the enhanced features give a scale and a shift."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = pair(before, after)
        self.convup = nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), *pair(after, after))
        self.ScaleModel1 = pair(before, after)
        self.ShiftModel1 = pair(before, after)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = F.leaky_relu_(self.conv1(x), 0.2)
        y = y * self.ScaleModel1(style) + self.ShiftModel1(style)
        doubled: Tensor = self.convup(y)
        return doubled
