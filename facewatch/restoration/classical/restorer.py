"""The built-in restorer: classical filters without a neural network; it cleans and sharpens."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.restoration.classical.dct import Plane, cosines
from facewatch.restoration.classical.deblock import find_grid, remove_blocks
from facewatch.restoration.classical.denoise import estimate_all, remove
from facewatch.restoration.types import Crop

Picture = npt.NDArray[np.float32]
"""(512, 512, 3) float32 RGB, about 0-255."""

# JFIF's Y, Cb and Cr without the offsets.
_JFIF = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], dtype=np.float32
)
_DETAIL_RADIUS = 1.0  # pixels
_DETAIL_GAIN = 0.35
_DETAIL_SHARE = 0.25  # of the removed noise, at most: a good picture hardly changes


class Builtin:
    """Removes noise and JPEG artefacts, then raises fine contrast; a FaceNetwork.

    A crop with neither is returned unchanged, however blurred: lost detail is not in the picture, and only a
    network can invent it.
    """

    name = "builtin"
    batch = 1

    def restore(self, crops: Sequence[Crop], weight: float) -> list[Crop]:
        """Return one cleaned crop per crop; weight 0 = all cleaning, 1 = the crop itself."""
        return [_restore(crop, weight) for crop in crops]


def _restore(crop: Crop, weight: float) -> Crop:
    picture = crop.astype(np.float32)
    cleaned = _clean(picture)
    if cleaned is None:
        return crop.copy()
    restored = _raise_detail(cleaned, _root_mean_square(cleaned - picture))
    blended = restored + weight * (picture - restored)
    return np.clip(np.round(blended), 0, 255).astype(np.uint8)


def _clean(picture: Picture) -> Picture | None:
    """Return the picture without noise and JPEG artefacts; None if it has none."""
    brightness, *colours = _planes(picture, _JFIF)
    grid = find_grid(brightness)
    if grid is not None:
        return _merge(remove_blocks(brightness, colours, grid), np.linalg.inv(_JFIF))
    basis = cosines(3)  # orthonormal, so that noise is as strong in each plane as in each colour
    planes = _planes(picture, basis)
    noise = estimate_all(planes)
    if all(levels is None for levels in noise):
        return None
    pairs = zip(planes, noise, strict=True)
    return _merge([plane if levels is None else remove(plane, levels) for plane, levels in pairs], basis.T)


def _raise_detail(picture: Picture, removed: float) -> Picture:
    """Raise fine contrast, within the darkest and brightest neighbours of each pixel, so without halos.

    removed   root mean square of the change by cleaning, grey levels
    """
    grey = picture.mean(2)
    fine = grey - cv2.GaussianBlur(grey, (0, 0), _DETAIL_RADIUS)
    around = np.ones((3, 3), np.uint8)
    raised = np.clip(grey + _DETAIL_GAIN * fine, cv2.erode(grey, around), cv2.dilate(grey, around))
    detail = raised - grey
    size = _root_mean_square(detail)
    scale = min(1.0, _DETAIL_SHARE * removed / size) if size > 0 else 0.0
    detailed: Picture = picture + np.float32(scale) * detail[..., None]
    return detailed


def _planes(picture: Picture, colours: npt.NDArray[np.float32]) -> list[Plane]:
    mixed = picture @ colours.T
    return [np.ascontiguousarray(mixed[..., index]) for index in range(3)]


def _merge(planes: Sequence[Plane], colours: npt.NDArray[np.float32]) -> Picture:
    merged: Picture = np.stack(planes, axis=2) @ colours.T.astype(np.float32)
    return merged


def _root_mean_square(difference: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(difference, dtype=np.float64).mean()))
