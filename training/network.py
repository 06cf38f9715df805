"""Define the face restorer that the package ships: a residual U-Net on a pixel-unshuffled crop.

The module imports nothing but torch, so that the program can carry it as it stands.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CROP_SIZE = 512
FOLD = 8  # crop pixels per side of one position of the finest level


class Block(nn.Module):
    """Add two convolutions to their input, the hidden channels weighted by what the whole picture holds."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.weight = nn.Conv2d(channels, channels, 1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.weight.weight)
        nn.init.zeros_(self.weight.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        hidden = functional.leaky_relu(self.first(features), 0.1)
        hidden = hidden * (2 * torch.sigmoid(self.weight(hidden.mean((2, 3), keepdim=True))))
        added: Tensor = self.second(hidden)
        return features + added


class Tail(nn.Module):
    """Make the change to each face by a filter of its own: a mixture of `kinds` filters.

    What share each has is judged from how strong the whitened detail of the input is, band by band: it tells
    blur, noise and clean faces apart before anything is learned.
    """

    def __init__(self, channels: int, folded: int, kinds: int) -> None:
        super().__init__()
        self.judge = nn.Linear(channels, kinds)
        self.weight = nn.Parameter(torch.zeros(kinds * folded, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(kinds, folded))

    def forward(self, features: Tensor, shares: Tensor) -> Tensor:
        """Filter (N, C, H, W) by the mixtures of `shares`, (N, kinds); returns (N, folded, H, W)."""
        filters = self.weight.reshape(*self.bias.shape, *self.weight.shape[1:])
        weights = torch.einsum("nk,koihw->noihw", shares, filters)
        biases = shares @ self.bias
        filtered = [
            functional.conv2d(one[None], weight, bias, padding=1)
            for one, weight, bias in zip(features, weights, biases, strict=True)
        ]
        return torch.cat(filtered)

    def shares(self, whitened: Tensor) -> Tensor:
        """Return what share each kind has in each face, (N, kinds), from the head's output."""
        return torch.softmax(self.judge(strengths(whitened)), 1)


def strengths(whitened: Tensor) -> Tensor:
    """Return the logarithm of each band's mean square, (N, C)."""
    return torch.log(whitened.square().mean((2, 3)) + 1e-3)


class Restorer(nn.Module):
    """Sharpen and clean one aligned face.

    widths  channels at the levels of 64, 32, 16 and 8 positions a side
    depths  blocks at each level, on the way down and again on the way up

    kinds   filters in the tail

    The crops are aligned, so the two coarsest levels learn what stands where (`places`). The tail starts at
    zero: an untrained network returns its input.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (64, 96, 192, 240),
        depths: tuple[int, ...] = (2, 2, 2, 2),
        kinds: int = 8,
    ) -> None:
        super().__init__()
        folded = 3 * FOLD**2
        sides = [CROP_SIZE // FOLD // 2**level for level in range(len(widths))]
        last = len(widths) - 1
        self.head = nn.Conv2d(folded, widths[0], 1)
        self.down_blocks = nn.ModuleList(_blocks(w, d) for w, d in zip(widths, depths, strict=True))
        self.down = nn.ModuleList(nn.Conv2d(widths[i], widths[i + 1], 2, 2) for i in range(last))
        self.places = nn.ParameterList(
            nn.Parameter(torch.zeros(1, widths[i], sides[i], sides[i])) for i in (last - 1, last)
        )
        self.up = nn.ModuleList(nn.Conv2d(widths[i + 1], 4 * widths[i], 1) for i in range(last))
        self.up_blocks = nn.ModuleList(_blocks(widths[i], depths[i]) for i in range(last))
        self.tail = Tail(widths[0], folded, kinds)

    def forward(self, faces: Tensor, left: int = 0, top: int = 0) -> Tensor:
        """Restore faces.

        faces      (N, 3, 512, 512) RGB, 0-1; in training also a part of it, sides a multiple of 64
        left, top  where the part lies in the crop, multiples of 64
        returns    the same shape, not clamped
        """
        features = self.head(functional.pixel_unshuffle(faces, FOLD))
        shares = self.tail.shares(features)
        last = len(self.down)
        skips = []
        for level, blocks in enumerate(self.down_blocks):
            if level >= last - 1:
                features = features + self._places(level, left, top, features.shape[-2:])
            features = blocks(features)
            if level < last:
                skips.append(features)
                features = self.down[level](features)
        for level in reversed(range(last)):
            features = functional.pixel_shuffle(self.up[level](features), 2) + skips[level]
            features = self.up_blocks[level](features)
        change: Tensor = functional.pixel_shuffle(self.tail(features, shares), FOLD)
        return faces + change

    def _places(self, level: int, left: int, top: int, size: torch.Size) -> Tensor:
        """Return what a level has learned of the places that the picture covers."""
        step = FOLD * 2**level
        x, y = left // step, top // step
        learned: Tensor = self.places[level - len(self.down) + 1]
        return learned[:, :, y : y + size[0], x : x + size[1]]


def _blocks(channels: int, count: int) -> nn.Sequential:
    """Chain `count` blocks."""
    return nn.Sequential(*(Block(channels) for _ in range(count)))
