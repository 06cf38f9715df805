"""Plain resizing, without a network and without torch."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.restoration.types import Pixels

_REACH_PX = 8  # Lanczos' window looks 4 pixels far, and the enlarged alpha reaches as far beyond the rim


def bleed_edges(pixels: Pixels, alpha: npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | None) -> Pixels:
    """The picture, the colours at the rim of what is seen led on a little under what is not.

    pixels   (H, W, 3), of which nothing is changed
    alpha    (H, W), or None: all is seen

    Enlarging mixes neighbours; without this a cut-out would get a rim of whatever colour lies hidden there.
    """
    if alpha is None or bool(alpha.all()):
        return pixels
    seen = (alpha > 0).astype(np.float32)
    window = (2 * _REACH_PX + 1,) * 2
    share = cv2.blur(seen, window)
    mean = cv2.blur(pixels * seen[..., None], window)
    hidden = (seen == 0) & (share > 1e-3)
    picture = pixels.copy()
    picture[hidden] = np.rint(mean[hidden] / share[hidden][:, None])
    return picture


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
