"""Estimation and removal of a plane's noise, white or smeared by an enlargement, at three scales."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facewatch.restoration.classical.dct import (
    FREQUENCY,
    Plane,
    Spectrum,
    double,
    halve,
    shrink,
    slide,
    threshold,
)

Levels = list[npt.NDArray[np.float64]]
"""The noise's standard deviation in each of a block's 64 coefficients, per scale, the finest first."""

# For each scale: the minimum strength of noise, in grey levels, and the maximum unevenness of its spectrum.
# Measured on six photos: noise alone is even within 1.1 at its own scale and within 1.6 through a bilinear
# enlargement; faces without noise, where they are as strong, have 2.2 and more, as has a printed raster.
_FAINTEST = (1.0, 0.8, 0.8)
_UNEVEN = (2.2, 1.85, 1.75)
_BAND = (0.2, 0.4)  # cycles a pixel: above most of a face's content, below an enlargement's cut
_LIMIT = 2.8  # of the noise's standard deviation: smooth faces gain from 3.1, a printed raster from 2.5


def estimate(plane: Plane) -> Levels | None:
    """Return the noise of a plane; None if it has none that differs from texture."""
    return _levels(_spectra(plane))


def estimate_all(planes: Sequence[Plane]) -> list[Levels | None]:
    """Return the noise of a brightness plane and its colour planes, in that order.

    Brightness has more texture, which hides noise; if both colours have noise at one scale, and brightness is
    about as strong there, that counts as noise too.
    """
    spectra = [_spectra(plane) for plane in planes]
    found = [_levels(each) for each in spectra]
    in_colours = [_find_noise(each) for each in spectra[1:]]
    if found[0] is None and in_colours and all(each is not None for each in in_colours):
        scales, strengths = zip(*(each for each in in_colours if each is not None), strict=True)
        own = spectra[0][max(scales)].band(*_BAND)[0]
        if len(set(scales)) == 1 and own < 1.6 * max(strengths):
            found[0] = _spread(spectra[0], max(scales), min(own, 1.05 * max(strengths)))
    return found


def remove(plane: Plane, levels: Levels) -> Plane:
    """Return the plane without its noise.

    A first pass drops small coefficients at each scale and takes the coarse picture from the coarse scale; a
    second weights the original's coefficients by the first (as BM3D does, Dabov and others 2007).
    """
    return slide([plane, _first_pass(plane, levels)], shrink(levels[0]))


def _first_pass(plane: Plane, levels: Levels) -> Plane:
    fine = slide([plane], threshold(_LIMIT * levels[0]))
    if len(levels) == 1:
        return fine
    return fine + double(_first_pass(halve(plane), levels[1:]) - halve(fine))


def _spectra(plane: Plane) -> list[Spectrum]:
    spectra = []
    for _ in _FAINTEST:
        spectra.append(Spectrum(plane))
        plane = halve(plane)
    return spectra


def _find_noise(spectra: Sequence[Spectrum]) -> tuple[int, float] | None:
    """Return the finest scale with a spectrum even enough for noise, and its strength there."""
    for scale, (spectrum, faintest, uneven) in enumerate(zip(spectra, _FAINTEST, _UNEVEN, strict=True)):
        least, most = spectrum.band(*_BAND)
        if least > faintest and most < uneven * least:
            return scale, least
    return None


def _levels(spectra: Sequence[Spectrum]) -> Levels | None:
    noise = _find_noise(spectra)
    return _spread(spectra, *noise) if noise else None


def _spread(spectra: Sequence[Spectrum], scale: int, strength: float) -> Levels:
    """Extend the strength at the scale where noise was found to every scale and coefficient.

    Halving a picture halves white noise. At scales finer than its own the noise is smeared: it keeps its
    strength at low frequencies and declines like the spectrum.
    """
    levels: Levels = []
    for each, spectrum in enumerate(spectra):
        # The 0.1 quantile of an even band lies 6 % below its middle.
        low = 1.06 * strength * 2.0 ** (scale - each)
        level = np.full(FREQUENCY.shape, low)
        if each < scale:
            for index in np.flatnonzero(_BAND[0] <= FREQUENCY):
                around = min(FREQUENCY[index], 0.6)
                level[index] = min(low, 1.1 * spectrum.band(around - 0.05, around + 0.05)[0])
        levels.append(level)
    return levels
