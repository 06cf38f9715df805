"""Detection of sideways and upside-down faces, for any detector; without torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facewatch.restoration.detection.nms import MOST_OVERLAP, without_overlaps
from facewatch.restoration.types import Detector, Face


def find_rotated(detector: Detector, image: npt.NDArray[np.uint8]) -> list[Face]:
    """Return the faces of a picture in any orientation, highest score first, in its own pixels.

    The detector sees it at 0, 90, 180 and 270 degrees; of duplicates the one with the highest score is kept.
    """
    height, width = image.shape[:2]
    found: list[Face] = []
    for quarters in range(4):
        # A copy: numpy calls the rotated view of a single row contiguous, though it is not.
        rotated = np.rot90(image, quarters).copy()
        found += [_rotated_back(face, quarters, width, height) for face in detector.find(rotated)]
    return without_overlaps(found, MOST_OVERLAP)


def _rotated_back(face: Face, quarters: int, width: int, height: int) -> Face:
    """Return a face of `np.rot90(image, quarters)` in pixels of `image`, which is width x height."""
    points = np.concatenate([np.reshape(face.box, (2, 2)), face.landmarks])
    x, y = points[:, 0], points[:, 1]
    for turn in range(quarters, 0, -1):
        # A quarter turn maps (x, y) of a picture w pixels wide to (y, w - 1 - x).
        side = width if turn % 2 else height
        x, y = side - 1 - y, x
    (x0, x1), (y0, y1) = sorted(map(float, x[:2])), sorted(map(float, y[:2]))
    return Face((x0, y0, x1, y1), np.stack([x[2:], y[2:]], axis=1).astype(np.float32), face.score)
