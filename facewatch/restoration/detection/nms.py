"""Compare the boxes that faces lie in: (N, 4) arrays of x0, y0, x1, y1 in pixels, edges without a `+ 1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from facewatch.restoration.types import Face

Boxes: TypeAlias = npt.NDArray[np.floating[Any]]

MOST_OVERLAP = 0.4  # of two boxes that are two faces, as facexlib has it


def without_overlaps(faces: Sequence[Face], most: float) -> list[Face]:
    """Non-maximum suppression: the faces, surest first, without those that share too much with a surer one.

    most  the largest intersection over union that two boxes may have, 0-1
    """
    order = sorted(faces, key=lambda face: -face.score)
    kept = survivors(np.array([face.box for face in order], np.float64).reshape(-1, 4), most)
    return [order[index] for index in kept]


def survivors(boxes: Boxes, most: float) -> list[int]:
    """Indices that non-maximum suppression keeps of (N, 4) boxes x0, y0, x1, y1 that stand surest first."""
    waiting = np.arange(len(boxes))
    kept: list[int] = []
    while len(waiting):
        first, rest = waiting[0], waiting[1:]
        kept.append(int(first))
        waiting = rest[intersection_over_union(boxes[first], boxes[rest]) <= most]
    return kept


def intersections(box: Boxes, boxes: Boxes) -> Boxes:
    """The area that one box shares with each of (N, 4) boxes, in square pixels."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared: Boxes = np.clip(sides, 0, None).prod(1)
    return shared


def areas(boxes: Boxes) -> Boxes:
    """The area of each of (N, 4) boxes, in square pixels."""
    area: Boxes = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1)
    return area


def intersection_over_union(box: Boxes, boxes: Boxes) -> Boxes:
    """Shared area over joint area of one box with each of (N, 4) boxes, 0-1."""
    shared = intersections(box, boxes)
    ratio: Boxes = shared / np.maximum(areas(box[None]) + areas(boxes) - shared, 1e-9)
    return ratio
