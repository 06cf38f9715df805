"""The built-in restorer: classical filters, no neural network. It cleans and crisps, and invents nothing."""

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

# JFIF's Y, Cb and Cr without its offsets.
_JFIF = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], dtype=np.float32
)
_DETAIL_RADIUS = 1.0  # pixels
_DETAIL_GAIN = 0.35
_DETAIL_SHARE = 0.25  # of what was cleaned away, at most: a good picture is hardly touched


class Builtin:
    """Takes off noise and JPEG's traces, then brings fine contrast back; the form FaceNetwork.

    A crop in which it finds neither comes back unchanged, however blurred: what the blur took is not in the
    picture, and only a network would make it up.
    """

    name = "builtin"
    batch = 1

    def restore(self, crops: Sequence[Crop], weight: float) -> list[Crop]:
        """One cleaned crop for each crop; weight 0 = all cleaning, 1 = the crop itself."""
        return [_restore(crop, weight) for crop in crops]


def _restore(crop: Crop, weight: float) -> Crop:
    picture = crop.astype(np.float32)
    cleaned = _clean(picture)
    if cleaned is None:
        return crop.copy()
    restored = _bring_back_detail(cleaned, _root_mean_square(cleaned - picture))
    blended = restored + weight * (picture - restored)
    return np.clip(np.round(blended), 0, 255).astype(np.uint8)


def _clean(picture: Picture) -> Picture | None:
    """The picture without noise and JPEG's traces; None when it has none."""
    brightness, *colours = _planes(picture, _JFIF)
    grid = find_grid(brightness)
    if grid is not None:
        return _merge(remove_blocks(brightness, colours, grid), np.linalg.inv(_JFIF))
    turned = cosines(3)  # orthonormal, so that noise is as strong in each plane as in each colour
    planes = _planes(picture, turned)
    noise = estimate_all(planes)
    if all(levels is None for levels in noise):
        return None
    pairs = zip(planes, noise, strict=True)
    return _merge([plane if levels is None else remove(plane, levels) for plane, levels in pairs], turned.T)


def _bring_back_detail(picture: Picture, cleaned_away: float) -> Picture:
    """Raise fine contrast; no pixel passes the darkest or brightest around it, so that no halo appears.

    cleaned_away   root mean square of what cleaning changed, grey levels
    """
    grey = picture.mean(2)
    fine = grey - cv2.GaussianBlur(grey, (0, 0), _DETAIL_RADIUS)
    around = np.ones((3, 3), np.uint8)
    raised = np.clip(grey + _DETAIL_GAIN * fine, cv2.erode(grey, around), cv2.dilate(grey, around))
    detail = raised - grey
    size = _root_mean_square(detail)
    scale = min(1.0, _DETAIL_SHARE * cleaned_away / size) if size > 0 else 0.0
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
