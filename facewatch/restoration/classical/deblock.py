"""Removal of JPEG's blocks and ringing, where the block grid can still be read from the pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facewatch.restoration.classical.dct import (
    SIDE,
    Plane,
    Spectrum,
    double,
    halve,
    join,
    shrink,
    slide,
    split,
    threshold,
)

# The example tables of ITU-T T.81, annex K, which most encoders scale by their quality setting.
_BRIGHTNESS_ROWS = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_COLOUR_ROWS = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
# Low frequencies, which are seldom rounded to zero.
_LOW = [1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4]
_ORDER = np.add.outer(np.arange(SIDE), np.arange(SIDE)).ravel()

Table = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """The offset of the blocks, and the quality that they were coded with."""

    top: int  # 0-7
    left: int  # 0-7
    quality: int  # 5-95, on the scale of the Independent JPEG Group


def find_grid(brightness: Plane) -> Grid | None:
    """Return the grid of a picture that was not resized or rotated after JPEG coding; else None.

    On that grid only, coefficients are whole multiples of the table's steps: measured, the mean cosine of
    their phase is above 0.7 there, and below 0.6 elsewhere.
    """
    top, left = _phase(brightness.T), _phase(brightness)
    own = split(brightness, top, left)[:, _LOW]
    fits = {}
    for quality in range(5, 96):
        steps = _table(_BRIGHTNESS_ROWS, quality)[_LOW]
        large = np.abs(own) > 0.6 * steps
        if large.sum() >= 60:
            fits[quality] = float(np.cos(2 * np.pi * own / steps)[large].mean())
    best = max(fits.values(), default=0.0)
    if best < 0.65:
        return None
    # Tables of half or a third of the steps fit as well; the coarsest is the right one.
    return Grid(top, left, min(quality for quality, fit in fits.items() if fit >= 0.95 * best))


def remove_blocks(brightness: Plane, colours: list[Plane], grid: Grid) -> list[Plane]:
    """Return the planes (Y, Cb, Cr of JFIF) without blocks and ringing, brightness first.

    The brightness stays within the rounding of the coefficients in the file (Zakhor 1992), unless the picture
    was noisy before it was coded; remaining noise is removed as well.
    """
    steps = _table(_BRIGHTNESS_ROWS, grid.quality)
    own = split(brightness, grid.top, grid.left)
    noise, certainty, textured = _noise_before(brightness, own, steps)
    limits = (0.4 if textured else 0.55) * steps + 2 * noise
    pilot = slide([brightness], threshold(limits, busy=4))
    clean = slide([brightness, pilot], shrink((0.15 if textured else 0.25) * steps + 0.6 * noise))
    coded = np.round(own / steps) * steps
    tolerance = (0.5 + certainty) * steps
    bounded = np.clip(split(clean, grid.top, grid.left), coded - tolerance, coded + tolerance)
    pixels = join(bounded, brightness.shape, grid.top, grid.left)
    clean[grid.top : grid.top + pixels.shape[0], grid.left : grid.left + pixels.shape[1]] = pixels
    rule = threshold(0.5 * _table(_COLOUR_ROWS, grid.quality) + noise)
    halves = [halve(plane) for plane in colours]  # most files hold colour at half size
    cleaned = [
        plane + double(slide([half], rule) - half) for plane, half in zip(colours, halves, strict=True)
    ]
    return [clean, *cleaned]


def _noise_before(brightness: Plane, own: Plane, steps: Table) -> tuple[float, float, bool]:
    """Return the noise from before the coding: strength, certainty (0-1), and True if it is texture instead.

    Noise of this strength leaves a known share of the high coefficients above zero. More of them, or as many
    without an even spectrum, are texture, such as a print's raster, which must be kept.
    """
    least, most = Spectrum(brightness).band(0.12, 0.2)
    high = (_ORDER >= 6) & (_ORDER <= 9)
    share = float((np.abs(own[:, high]) > 0.6 * steps[high]).mean())
    expected = float(np.mean([math.erfc(0.5 * step / (1.7 * max(least, 1e-3))) for step in steps[high]]))
    certainty = float(np.clip((1.75 - most / max(least, 1e-3)) / 0.25, 0, 1))
    if share > max(expected, 5e-4) or (expected > 1e-3 and certainty == 0):
        return 0.0, 0.0, True
    return least * certainty, certainty, False


def _table(rows: tuple[tuple[int, ...], ...], quality: int) -> Table:
    """Return the (64,) steps at a quality, by the Independent JPEG Group's rule."""
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.clip(np.floor((np.array(rows).ravel() * percent + 50) / 100), 1, 255).astype(np.float32)


def _phase(plane: Plane) -> int:
    """Return the column, 0-7, before which neighbours differ most."""
    jumps = np.abs(np.diff(plane, axis=1)).mean(0)
    jumps -= sum(np.roll(jumps, shift) for shift in (-2, -1, 1, 2)) / 4
    whole = len(jumps) // SIDE * SIDE
    return (int(jumps[:whole].reshape(-1, SIDE).mean(0).argmax()) + 1) % SIDE
