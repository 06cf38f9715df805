"""The soft mask, one oval for every face, and the softening of masks; without torch."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.restoration.types import CROP_SIZE, Crop, Mask

RIM_PX = 10
"""The width of the invisible rim of every crop, in pixels."""

_INVISIBLE = 1 / 1024  # less than a quarter of a level of 255: not pasted
# From above the hairline to below the chin of the FFHQ template, whose eyes lie at y = 240, mouth at y = 371.
_OVAL_CENTRE = (256, 278)
_OVAL_AXES = (150, 195)


class SoftMask:
    """The same soft oval for every face; a Masker without a network."""

    def __init__(self) -> None:
        oval = np.zeros((CROP_SIZE, CROP_SIZE), dtype=np.uint8)
        cv2.ellipse(oval, _OVAL_CENTRE, _OVAL_AXES, 0, 0, 360, 255, -1)
        self._mask = soften(oval)
        self._mask.flags.writeable = False

    def masks(self, crops: Sequence[Crop]) -> list[Mask]:
        """Return one mask per crop, all the same read-only array."""
        return [self._mask] * len(crops)


def soften(shape: npt.NDArray[np.uint8]) -> Mask:
    """Return a soft mask of a hard shape, zero at the rim.

    shape    (512, 512) uint8, 0 or 255

    The models' scripts blur twice with a Gaussian of sigma 11 on 101 pixels, which equals one of sigma
    11 * sqrt(2). This blurs at a quarter of the size, where shrinking (a box of 4 pixels, variance 15/12) and
    enlarging (a triangle of 8, variance 15/6) already blur a little.
    """
    whole = shape.astype(np.float32) / np.float32(255)
    quarter = cv2.resize(whole, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    sigma = (2 * 11**2 - 15 / 12 - 15 / 6) ** 0.5 / 4
    # The scripts mirror about the outermost pixels; at a quarter of the size the outer edge is closer.
    blurred = cv2.GaussianBlur(quarter, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    enlarged = cv2.resize(blurred, shape.shape[::-1], interpolation=cv2.INTER_LINEAR)
    mask = np.zeros_like(whole)
    inside = (slice(RIM_PX, -RIM_PX), slice(RIM_PX, -RIM_PX))
    mask[inside] = np.clip(enlarged[inside], 0, 1)
    mask[mask < _INVISIBLE] = 0
    return mask
