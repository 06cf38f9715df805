"""Eight bits a sample for the networks, sixteen for what comes with sixteen."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.restoration.types import Pixels


def eight_bits(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """A picture at the depth the networks work with."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=1 / 257), np.uint8)  # to the nearest


def as_deep_as(original: Pixels, picture: npt.NDArray[np.uint8]) -> Pixels:
    """The picture with as many bits a sample as the original has."""
    if original.dtype == np.uint8:
        return picture
    return np.multiply(picture, 257, dtype=np.uint16)
