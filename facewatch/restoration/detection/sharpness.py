"""How sharp a face is, seen at the size of the networks' crop."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.restoration.alignment import align, warped
from facewatch.restoration.types import Points

_FINER = 2  # times the crop's resolution: what a crop cannot hold has to be seen here
_LEFT, _TOP, _WIDTH, _HEIGHT = 256, 384, 512, 448  # cheek to cheek and brows to chin in the finer crop
_FINE_PX, _COARSE_PX = 1.0, 2.0  # sigmas of the two blurs, pixels of the finer crop
_EDGES_PERCENT = 3  # the share of pixels that counts as edges


def edge_gain(image: npt.NDArray[np.uint8], landmarks: Points) -> float:
    """How much steeper a face's clearest edges are at a fine scale than at a coarse one, about 1.0-1.6.

    image      (H, W, 3) uint8 RGB
    landmarks  (5, 2) float32, x before y, pixels of `image`

    The gradient under a blur of half a crop pixel over that under a whole one, its upper quartile over the
    strongest edges (the re-blurring measure of Zhuo and Sim, 2011). A soft edge gains little; looking at
    edges only keeps grain and JPEG blocks from passing as sharpness.

    Raises CannotAlign when no similarity fits the five points or the face lies outside the picture.
    """
    affine = align(landmarks) * _FINER
    affine[:, 2] += (_FINER - 1) / 2 - np.array([_LEFT, _TOP])
    upright = warped(image, affine, (_WIDTH, _HEIGHT), cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(upright, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine, coarse = _steepness(grey, _FINE_PX), _steepness(grey, _COARSE_PX)
    edges = coarse >= np.percentile(coarse, 100 - _EDGES_PERCENT)
    return float(np.percentile(fine[edges] / np.maximum(coarse[edges], 1e-3), 75))


def _steepness(grey: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """The length of the gradient after a blur."""
    blurred = cv2.GaussianBlur(grey, (0, 0), sigma)
    across, down = (cv2.Sobel(blurred, cv2.CV_32F, dx, 1 - dx, ksize=1) for dx in (1, 0))
    return np.asarray(cv2.magnitude(across, down), np.float32)
