"""The network that is part of facewatch: it sharpens and cleans one aligned face.

Filters fitted by least squares come first, mixed by how strong each band of detail is in the face; a residual
U-Net then adds what they cannot. Both work at half the crop's size: a face that needs restoring has no finer
detail, and the finer detail of a good one is kept. `training/` in the repository makes the weights.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from facewatch.errors import BadCheckpoint
from facewatch.restoration.networks.fast import Forward, Precision
from facewatch.restoration.networks.state_dict import StateDict
from facewatch.restoration.networks.torch_errors import first_lines

FOLD = 4  # pixels of the half-size face per side of one patch
BANDS = 3 * FOLD**2
_PLACES = 16  # positions per side of the coarsest level
_FILTER_SCALE, _CHANGE_SCALE, _OUTPUT_SCALE = (
    4.0,
    30.0,
    0.1,
)  # bring inputs near 1, and the first outputs near 0
_LEAST_CHANGE = 0.5  # root mean square, grey levels of 255; what is less, people do not see
_MARK = "filters.judge.weight"


class Filters(nn.Module):
    """Filter each face by a mixture of `kinds` linear filters, chosen by the strength of its bands of detail.

    The bands are the principal components of patches, each of unit variance: together they tell blur, noise
    and clean faces apart.
    """

    usual: Tensor
    spread: Tensor

    def __init__(self, kinds: int, side: int) -> None:
        """
        kinds   number of filters
        side    of a filter, in patches
        """
        super().__init__()
        self.whiten = nn.Conv2d(BANDS, BANDS, 1)
        self.judge = nn.Linear(BANDS, kinds)
        self.weight = nn.Parameter(torch.zeros(kinds, BANDS, BANDS, side, side))
        self.bias = nn.Parameter(torch.zeros(kinds, BANDS))
        self.register_buffer("usual", torch.zeros(BANDS))  # mean and deviation of the strengths in training
        self.register_buffer("spread", torch.ones(BANDS))

    def bands(self, faces: Tensor) -> Tensor:
        """Return the whitened patches of (N, 3, H, W) faces, (N, BANDS, H / FOLD, W / FOLD)."""
        whitened: Tensor = self.whiten(functional.pixel_unshuffle(faces, FOLD))
        return whitened

    def shares(self, strengths: Tensor) -> Tensor:
        """Return the share of each filter, (N, kinds), from the strengths of the bands, (N, BANDS)."""
        return torch.softmax(self.judge(strengths), 1)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return the change to (N, 3, H, W) faces, of the same shape, and the strengths, about -2 to 2."""
        bands = self.bands(faces)
        strengths = strengths_of(bands)
        shares = self.shares(strengths)
        weights = torch.einsum("nk,koihw->noihw", shares, self.weight)
        biases = shares @ self.bias
        padding = self.weight.shape[-1] // 2
        filtered = [
            functional.conv2d(one[None], weight, bias, padding=padding)
            for one, weight, bias in zip(bands, weights, biases, strict=True)
        ]
        change = functional.pixel_shuffle(torch.cat(filtered), FOLD)
        return change, (strengths - self.usual) / self.spread


class Block(nn.Module):
    """Add two convolutions to their input, the hidden channels scaled by what is known of the face."""

    def __init__(self, channels: int, known: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.scale = nn.Linear(known, channels)
        nn.init.zeros_(self.scale.weight)
        nn.init.zeros_(self.scale.bias)

    def forward(self, features: Tensor, known: Tensor) -> Tensor:
        """Map (N, C, H, W) features to the same shape; `known` is (N, known)."""
        hidden = functional.leaky_relu(self.first(features), 0.1)
        added: Tensor = self.second(hidden * (1 + self.scale(known))[:, :, None, None])
        return features + added


class Restorer(nn.Module):
    """Restore one aligned face."""

    def __init__(
        self,
        widths: tuple[int, ...] = (32, 64, 128, 256),
        depths: tuple[int, ...] = (1, 2, 2, 2),
        kinds: int = 8,
        known: int = 64,
    ) -> None:
        """
        widths  channels at the levels of 128, 64, 32 and 16 positions a side
        depths  blocks at each level, on the way down and again on the way up
        kinds   linear filters
        known   numbers that tell the blocks how blurred and noisy the face is

        The crops are aligned, so the coarsest level learns what lies where (`places`). The tail starts at
        zero: untrained, the U-Net adds nothing to the filters.
        """
        super().__init__()
        last = len(widths) - 1
        self.filters = Filters(kinds, side=3)
        self.describe = nn.Linear(BANDS, known)
        self.head = nn.Conv2d(24, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            _blocks(width, depth, known) for width, depth in zip(widths, depths, strict=True)
        )
        self.down = nn.ModuleList(nn.Conv2d(widths[i], widths[i + 1], 2, 2) for i in range(last))
        self.places = nn.Parameter(torch.zeros(1, widths[last], _PLACES, _PLACES))
        self.up = nn.ModuleList(nn.Conv2d(widths[i + 1], 4 * widths[i], 1) for i in range(last))
        self.up_blocks = nn.ModuleList(_blocks(widths[i], depths[i], known) for i in range(last))
        self.tail = nn.Conv2d(widths[0], 12, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, faces: Tensor) -> Tensor:
        """Map (N, 3, 512, 512) RGB faces, 0-1, to the same, restored; values may leave the range a little."""
        change = self.change(functional.avg_pool2d(faces, 2))
        enlarged: Tensor = functional.interpolate(change, scale_factor=2, mode="bicubic", align_corners=False)
        return faces + enlarged

    def change(self, faces: Tensor, left: int = 0, top: int = 0) -> Tensor:
        """Return what restoration adds to faces of half the crop's size.

        faces      (N, 3, 256, 256) RGB, 0-1; in training also a part of it, sides a multiple of 16
        left, top  where the part lies in the face, multiples of 16
        returns    the same shape, float32
        """
        with torch.autocast(faces.device.type, enabled=False):  # brightness drowns fine bands
            filtered, strengths = self.filters(faces)
        known = functional.leaky_relu(self.describe(strengths), 0.1)
        given = functional.pixel_unshuffle(faces - 0.5, 2) * _FILTER_SCALE
        features = self.head(torch.cat([given, functional.pixel_unshuffle(filtered, 2) * _CHANGE_SCALE], 1))
        added = self._unet(features, known, left // _PLACES, top // _PLACES)
        change: Tensor = filtered + _OUTPUT_SCALE * functional.pixel_shuffle(added, 2).float()
        return change

    def _unet(self, features: Tensor, known: Tensor, x: int, y: int) -> Tensor:
        skips = []
        for level, blocks in enumerate(self.down_blocks):
            if level == len(self.down):
                features = features + self.places[:, :, y : y + features.shape[2], x : x + features.shape[3]]
            features = _through(blocks, features, known)
            if level < len(self.down):
                skips.append(features)
                features = self.down[level](features)
        for level in reversed(range(len(self.up))):
            features = functional.pixel_shuffle(self.up[level](features), 2) + skips[level]
            features = _through(self.up_blocks[level], features, known)
        added: Tensor = self.tail(features)
        return added


def strengths_of(bands: Tensor) -> Tensor:
    """Return the logarithm of each band's mean square, (N, BANDS), float32."""
    return torch.log(bands.square().mean((2, 3)) + 1e-3)


WEIGHTS = Path(__file__).with_name("builtin.safetensors")
"""The network's weights, float16."""


def recognises(state: StateDict) -> bool:
    """Return True if a state dict is this network's."""
    return _MARK in state


def build(state: StateDict, device: str, precision: Precision) -> Forward:
    """Return the network on a device; its input and output are in [-1, 1], as every Forward's.

    Raises BadCheckpoint when keys or shapes do not fit.
    """
    network = Restorer()
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    except RuntimeError as error:
        raise BadCheckpoint(
            f"The file is for the built-in network of another version of facewatch ({first_lines(error, 2)})."
        ) from error
    network.requires_grad_(requires_grad=False).eval().to(device)
    kind = device.partition(":")[0]

    def forward(faces: Tensor, _weight: float) -> Tensor:
        with torch.autocast(kind, getattr(torch, precision), enabled=precision != "float32"):
            restored = network((faces + 1) / 2) * 2 - 1
        # A good face stays as it is, to the last bit: facewatch then reports that nothing was changed.
        # Compared so that NaN stays in the output, where the caller finds it.
        unseen = (restored - faces).square().mean((1, 2, 3), keepdim=True).sqrt() * 127.5 < _LEAST_CHANGE
        return torch.where(unseen, faces, restored)

    return forward


def _blocks(channels: int, count: int, known: int) -> nn.ModuleList:
    return nn.ModuleList(Block(channels, known) for _ in range(count))


def _through(blocks: nn.Module, features: Tensor, known: Tensor) -> Tensor:
    for block in blocks.children():
        features = block(features, known)
    return features
