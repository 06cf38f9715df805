"""Resizing and bit depth, without a network and without torch."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.restoration.types import Pixels

_REACH_PX = 8  # 4 for the Lanczos window, and 4 for the enlarged alpha, which reaches as far beyond the edge


def bleed_edges(pixels: Pixels, alpha: npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | None) -> Pixels:
    """Return the picture with its visible colours extended a little into transparent areas.

    pixels   (H, W, 3), not changed in place
    alpha    (H, W); None: opaque

    Enlarging mixes neighbours; without this a cut-out would get a rim of the hidden colour.
    """
    if alpha is None or bool(alpha.all()):
        return pixels
    visible = (alpha > 0).astype(np.float32)
    window = (2 * _REACH_PX + 1,) * 2
    share = cv2.blur(visible, window)
    mean = cv2.blur(pixels * visible[..., None], window)
    hidden = (visible == 0) & (share > 1e-3)
    picture = pixels.copy()
    picture[hidden] = np.rint(mean[hidden] / share[hidden][:, None])
    return picture


def resize(image: Pixels, scale: int) -> Pixels:
    """Return the picture `scale` times as large, by Lanczos on 8 pixels, as the models' own scripts do.

    image    (H, W, 3), or (H, W) for an alpha, uint8 or uint16; the result is a new array of the
             same dtype
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
    """Return the picture resized to (width, height), ignoring its aspect ratio."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    interpolation = cv2.INTER_AREA if size[0] < width else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), dtype=np.uint8)


def eight_bits(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """Return a picture with 8 bits a sample, the depth of the networks."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=1 / 257), np.uint8)  # to the nearest


def as_deep_as(original: Pixels, picture: npt.NDArray[np.uint8]) -> Pixels:
    """Return the picture with as many bits a sample as the original."""
    if original.dtype == np.uint8:
        return picture
    return np.multiply(picture, 257, dtype=np.uint16)
