"""Non-maximum suppression of boxes: (N, 4) arrays of x0, y0, x1, y1 in pixels, edges without a `+ 1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from facewatch.restoration.types import Face

Boxes: TypeAlias = npt.NDArray[np.floating[Any]]

MOST_OVERLAP = 0.4  # intersection over union of two different faces, as in facexlib


def without_overlaps(faces: Sequence[Face], most: float) -> list[Face]:
    """Return the faces, highest score first, without those that overlap one of a higher score too much.

    most  the largest intersection over union that two boxes may have, 0-1
    """
    order = sorted(faces, key=lambda face: -face.score)
    kept = survivors(np.array([face.box for face in order], np.float64).reshape(-1, 4), most)
    return [order[index] for index in kept]


def survivors(boxes: Boxes, most: float) -> list[int]:
    """Return the indices of the (N, 4) boxes that suppression keeps; the highest score comes first."""
    candidates = np.arange(len(boxes))
    kept: list[int] = []
    while len(candidates):
        first, rest = candidates[0], candidates[1:]
        kept.append(int(first))
        candidates = rest[intersection_over_union(boxes[first], boxes[rest]) <= most]
    return kept


def intersections(box: Boxes, boxes: Boxes) -> Boxes:
    """Return the area that one box shares with each of (N, 4) boxes, in square pixels."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared: Boxes = np.clip(sides, 0, None).prod(1)
    return shared


def areas(boxes: Boxes) -> Boxes:
    """Return the area of each of (N, 4) boxes, in square pixels."""
    area: Boxes = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1)
    return area


def intersection_over_union(box: Boxes, boxes: Boxes) -> Boxes:
    """Return shared area over joint area of one box with each of (N, 4) boxes, 0-1."""
    shared = intersections(box, boxes)
    ratio: Boxes = shared / np.maximum(areas(box[None]) + areas(boxes) - shared, 1e-9)
    return ratio
