"""Plain resizing, without a network and without torch."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.faces.forms import Pixels


def resize(image: Pixels, scale: int) -> Pixels:
    """The picture `scale` times as large by Lanczos' window of 8 pixels, as the models' own scripts do it.

    image    (H, W, 3), or (H, W) for an alpha, uint8 or uint16; the result is of the same dtype and always
             an array of its own
    """
    if scale == 1:
        return image.copy()
    height, width = image.shape[:2]
    larger = cv2.resize(image, (width * scale, height * scale), interpolation=cv2.INTER_LANCZOS4)
    return (
        larger.astype(np.uint8, copy=False)
        if image.dtype == np.uint8
        else larger.astype(np.uint16, copy=False)
    )


def fit(picture: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The picture at (width, height), whatever its own proportions."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    way = cv2.INTER_AREA if size[0] < width else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(picture, size, interpolation=way), dtype=np.uint8)
