"""8x8 DCT blocks at every offset of a plane, for the removal of noise and JPEG artefacts.

A plane is (H, W) float32, one channel in grey levels. A block's 64 coefficients are one row, the mean first,
orthonormal, so that white noise has the same standard deviation in each of them as in a pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Plane: TypeAlias = npt.NDArray[np.float32]
Coefficients: TypeAlias = npt.NDArray[np.float32]
Rule: TypeAlias = Callable[..., tuple[Coefficients, Plane]]
"""The blocks of one or more planes, (N, 64) each -> new blocks (N, 64) and their weights (N,)."""

SIDE = 8
_WINDOW = 32


def cosines(size: int) -> Plane:
    """Return the orthonormal DCT-II as a (size, size) matrix, one basis vector a row."""
    order, position = np.arange(size)[:, None], np.arange(size)[None]
    matrix = np.sqrt(2 / size) * np.cos(np.pi * (2 * position + 1) * order / (2 * size))
    matrix[0] /= np.sqrt(2)
    cosine: Plane = matrix.astype(np.float32)
    return cosine


_BASIS: Plane = np.kron(cosines(SIDE), cosines(SIDE))
FREQUENCY = np.hypot.outer(np.arange(SIDE), np.arange(SIDE)).ravel() / (2 * SIDE)
"""The frequency of each coefficient, in cycles a pixel."""


def split(plane: Plane, top: int, left: int) -> Coefficients:
    """Return the coefficients of the whole blocks of a grid that begins at (top, left); (N, 64)."""
    rows, columns = (plane.shape[0] - top) // SIDE, (plane.shape[1] - left) // SIDE
    area = plane[top : top + SIDE * rows, left : left + SIDE * columns]
    tiles = area.reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2).reshape(-1, SIDE * SIDE)
    coefficients: Coefficients = tiles @ _BASIS.T
    return coefficients


def join(coefficients: Coefficients, shape: tuple[int, int], top: int, left: int) -> Plane:
    """Return the pixels of `split`'s blocks: the part of a plane of this shape that they cover."""
    rows, columns = (shape[0] - top) // SIDE, (shape[1] - left) // SIDE
    tiles = (coefficients @ _BASIS).reshape(rows, columns, SIDE, SIDE)
    return tiles.swapaxes(1, 2).reshape(SIDE * rows, SIDE * columns)


def slide(planes: list[Plane], rule: Rule, step: int = 2) -> Plane:
    """Apply a rule to the blocks at every `step`-th pixel, and average overlaps by the rule's weights.

    Averaging over the offsets of the grid avoids blocks and ringing (translation-invariant denoising, Coifman
    and Donoho 1995).
    """
    padded = [np.pad(plane, SIDE, mode="reflect") for plane in planes]
    shape = padded[0].shape
    total, weights = np.zeros_like(padded[0]), np.zeros_like(padded[0])
    for top in range(0, SIDE, step):
        for left in range(0, SIDE, step):
            blocks, counts = rule(*(split(plane, top, left) for plane in padded))
            rows, columns = (shape[0] - top) // SIDE, (shape[1] - left) // SIDE
            area = np.s_[top : top + SIDE * rows, left : left + SIDE * columns]
            total[area] += join(blocks * counts[:, None], shape, top, left)
            weights[area] += counts.reshape(rows, columns).repeat(SIDE, 0).repeat(SIDE, 1)
    inside = np.s_[SIDE:-SIDE, SIDE:-SIDE]
    return total[inside] / weights[inside]


def threshold(limits: npt.NDArray[np.floating], busy: int = SIDE * SIDE) -> Rule:
    """Return a rule that drops coefficients below their limits, except the mean; smooth blocks weigh more.

    limits     (64,), in grey levels
    busy       if more coefficients than this pass, the block's limits are lowered in proportion
    """
    minimum = limits.astype(np.float32)
    minimum[0] = 0

    def rule(blocks: Coefficients) -> tuple[Coefficients, Plane]:
        size = np.abs(blocks)
        kept = size >= minimum
        if busy < SIDE * SIDE:
            passed = kept.sum(1, keepdims=True, dtype=np.float32)
            kept = size >= minimum * np.minimum(1, busy / np.maximum(passed, 1))
        return blocks * kept, 1 / (1 + kept.sum(1, dtype=np.float32))

    return rule


def shrink(noise: npt.NDArray[np.floating]) -> Rule:
    """Return a Wiener filter: coefficients scaled by signal / (signal + noise), signal from a cleaned pilot.

    noise      (64,) standard deviations, in grey levels
    """
    variance = np.square(noise).astype(np.float32) + np.float32(1e-6)

    def rule(blocks: Coefficients, pilot: Coefficients) -> tuple[Coefficients, Plane]:
        power = np.square(pilot)
        gain = power / (power + variance)
        gain[:, 0] = 1
        return blocks * gain, 1 / np.square(gain).sum(1)

    return rule


def halve(plane: Plane) -> Plane:
    """Return the plane at half the size, each pixel the mean of four."""
    small: Plane = cv2.resize(
        plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA
    ).astype(np.float32, copy=False)
    return small


def double(plane: Plane) -> Plane:
    """Return the plane at twice the size."""
    large: Plane = cv2.resize(
        plane, (plane.shape[1] * 2, plane.shape[0] * 2), interpolation=cv2.INTER_LINEAR
    ).astype(np.float32, copy=False)
    return large


class Spectrum:
    """The strength of each frequency in the smooth parts of a plane, in grey levels of white noise."""

    def __init__(self, plane: Plane) -> None:
        """Measure a low quantile of the windows' periodograms, which excludes edges and features.

        They are rare among the windows. A periodogram of noise is exponentially
        distributed: its quarter quantile is -ln(3/4) of its mean.
        """
        taper = np.hanning(_WINDOW + 2)[1:-1]
        window = np.outer(taper, taper)
        window /= np.sqrt(np.square(window).sum())
        views = np.lib.stride_tricks.sliding_window_view(plane, (_WINDOW, _WINDOW))
        views = views[:: _WINDOW // 2, :: _WINDOW // 2].reshape(-1, _WINDOW, _WINDOW)
        tapered = (views - views.mean((1, 2), keepdims=True)) * window.astype(np.float32)
        power = np.square(np.abs(np.fft.rfft2(tapered)))[..., : _WINDOW // 2]
        self._strength = np.sqrt(np.quantile(power, 0.25, axis=0) / -np.log(0.75))
        axis = np.fft.fftfreq(_WINDOW)
        self._frequency = np.hypot(axis[:, None], axis[None, : _WINDOW // 2])

    def band(self, low: float, high: float) -> tuple[float, float]:
        """Return the 0.1 and 0.9 quantiles from `low` to `high` cycles a pixel; similar in noise."""
        inside = self._strength[(self._frequency >= low) & (self._frequency <= high)]
        least, most = np.quantile(inside, (0.1, 0.9))
        return float(least), float(most)
