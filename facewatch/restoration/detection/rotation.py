"""Faces that lie on their side or stand on their head, for any detector; without torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facewatch.restoration.detection.nms import MOST_OVERLAP, without_overlaps
from facewatch.restoration.types import Detector, Face


def find_rotated(detector: Detector, image: npt.NDArray[np.uint8]) -> list[Face]:
    """The faces of a picture that may lie on its side or head, surest first, in pixels of the picture given.

    The detector sees it at 0, 90, 180 and 270 degrees; of what is found more than once the surest stays.
    """
    height, width = image.shape[:2]
    found: list[Face] = []
    for quarters in range(4):
        turned = np.rot90(image, quarters).copy()  # of a single row, numpy would call a turned view in order
        found += [_turned_back(face, quarters, width, height) for face in detector.find(turned)]
    return without_overlaps(found, MOST_OVERLAP)


def _turned_back(face: Face, quarters: int, width: int, height: int) -> Face:
    """A face of `np.rot90(image, quarters)` in pixels of `image`, which is width x height."""
    points = np.concatenate([np.reshape(face.box, (2, 2)), face.landmarks])
    x, y = points[:, 0], points[:, 1]
    for turn in range(quarters, 0, -1):
        # One quarter turn takes (x, y) of a picture w pixels wide to (y, w - 1 - x).
        wide = width if turn % 2 else height
        x, y = wide - 1 - y, x
    (x0, x1), (y0, y1) = sorted(map(float, x[:2])), sorted(map(float, y[:2]))
    return Face((x0, y0, x1, y1), np.stack([x[2:], y[2:]], axis=1).astype(np.float32), face.score)
