"""Turn packed faces into batches: augment, degrade, and hand over in the background.

A batch depends on the seed and its number alone, so a resumed training sees what an unbroken one would.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.degradations import CROP_SIZE, Pixels, degrade
from training.faces import SIDES

_SHARP_SHARE = 0.62  # of a batch; these faces are saved at 512, the others at 256
_LAST_BATCH = 1 << 40
_PADDING = (132, 133, 135)


class Batch(NamedTuple):
    """Pairs to learn from.

    inputs   (N, 512, 512, 3) uint8 RGB
    targets  the same; a face saved at 256 has each pixel four times
    sharp    (N,) bool: the target may be compared at 512; else only at 256, after an area mean
    """

    inputs: Tensor
    targets: Tensor
    sharp: Tensor


class Samples(Dataset[Batch]):
    """Draw batches from the arrays that `training.faces` packed."""

    def __init__(self, folder: Path, size: int, seed: int) -> None:
        self._folder = folder
        self._size = size
        self._seed = seed

    def __getitem__(self, number: int) -> Batch:
        """Make batch `number`."""
        draw = np.random.default_rng((self._seed, number))
        sharp = np.arange(self._size) < round(self._size * _SHARP_SHARE)
        pairs = [self._pair(512 if clear else 256, draw) for clear in sharp]
        # Interleaved, so that two halves of a batch hold as many sharp faces each.
        order = np.argsort(np.arange(self._size) % 2, kind="stable")
        inputs, targets = (np.stack([pairs[place][which] for place in order]) for which in (0, 1))
        return Batch(torch.from_numpy(inputs), torch.from_numpy(targets), torch.from_numpy(sharp[order]))

    @cached_property
    def _arrays(self) -> dict[int, Pixels]:
        # Opened where it is used: another process would get a copy instead of the map.
        return {side: np.load(self._folder / f"faces{side}.npy", mmap_mode="r") for side in SIDES}

    def _pair(self, side: int, draw: np.random.Generator) -> tuple[Pixels, Pixels]:
        faces = self._arrays[side]
        target = retouch(place(faces[draw.integers(len(faces))], draw), draw)
        worse = degrade(target, draw)
        if side != CROP_SIZE:
            target = target.repeat(CROP_SIZE // side, 0).repeat(CROP_SIZE // side, 1)
        return worse, target


def place(face: Pixels, draw: np.random.Generator) -> Pixels:
    """Mirror half of the faces; shift, turn and scale half: landmarks err, and crops are tight or loose."""
    side = face.shape[0]
    if draw.random() < 0.5:
        face = face[:, ::-1]
    if draw.random() < 0.5:
        return np.ascontiguousarray(face)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), draw.normal(0, 4), draw.uniform(0.88, 1.15))
    matrix = matrix + np.pad(draw.normal(0, side / 64, (2, 1)), ((0, 0), (2, 0)))
    border = cv2.BORDER_CONSTANT if draw.random() < 0.3 else cv2.BORDER_REFLECT_101
    return np.asarray(
        cv2.warpAffine(
            np.ascontiguousarray(face), matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=border,
            borderValue=_PADDING,
        ),
        np.uint8,
    )  # fmt: skip


def retouch(face: Pixels, draw: np.random.Generator) -> Pixels:
    """Change the tones of a target as its input's will be: grey, sepia, faded, cast, darker, lighter.

    The network must keep what tone it finds, since the face goes back into its photo.
    """
    kind = draw.random()
    if kind < 0.4:
        return face
    table = np.repeat(np.arange(256.0)[:, None], 3, 1)
    if kind < 0.65:
        face = np.asarray(cv2.cvtColor(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
        if kind < 0.5:
            table *= draw.uniform((1.0, 0.9, 0.7), (1.08, 1.0, 0.95))
    if draw.random() < 0.5:
        low, high = draw.uniform(0, 45), draw.uniform(190, 255)
        table = low + (np.clip(table, 0, 255) / 255) ** draw.uniform(0.75, 1.35) * (high - low)
    if kind >= 0.65:
        table = table * draw.uniform(0.88, 1.1, 3) + draw.uniform(-12, 12, 3)
    table = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.ascontiguousarray(face), table[None]), np.uint8)


def scaled(pixels: Tensor, device: torch.device) -> Tensor:
    """Turn (N, H, W, 3) uint8 into (N, 3, H, W) float32, 0-1."""
    return pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).contiguous().float().div_(255)


def stream(samples: Samples, first: int, workers: int, *, pinned: bool) -> Iterator[Batch]:
    """Yield batches `first`, `first` + 1, ... in order, made by other processes ahead of their use."""
    return iter(
        DataLoader(
            samples,
            batch_size=None,
            sampler=range(first, _LAST_BATCH),
            num_workers=workers,
            prefetch_factor=4,
            multiprocessing_context="spawn",
            worker_init_fn=_begin_worker,
            pin_memory=pinned,
        )
    )


def _begin_worker(number: int) -> None:
    """Leave the other cores to the other processes."""
    del number
    cv2.setNumThreads(1)
