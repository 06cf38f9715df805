"""Selection of the faces to restore, before any face network runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.errors import CannotAlign
from facewatch.restoration.alignment import align, warped
from facewatch.restoration.detection.nms import areas, intersection_over_union, intersections
from facewatch.restoration.options import RestorationOptions
from facewatch.restoration.types import Face, Points

_SAME_OVERLAP = 0.5  # two heads side by side stay below: detectors draw boxes close around a face
_SAME_POINTS = 0.25  # eye distances between the landmarks of two faces, on average, that make them one
_WITHIN = 0.8  # of the smaller box: a face cannot stand before another's features and both be seen
_MUCH_HIGHER_SCORE = 0.1  # of score: beyond it the larger of two nested boxes is the mistake
_NOT_A_FACE = "its landmarks do not form a face"

# Of 13 real sharp faces of 590-690 px 11 lie above; after a blur of 2 px, or enlarged from 128 px, none.
# Enlarged from 256 px, still 70 percent of what the crop can hold, 2 (bilinear) to 9 (bicubic) do.
MIN_EDGE_GAIN = 1.35  # as `edge_gain` measures it; a sharper face would only be softened

Sharpness = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.float32]], float]


_FINER = 2  # times the crop's resolution: what a crop cannot hold has to be seen here
_LEFT, _TOP, _WIDTH, _HEIGHT = 256, 384, 512, 448  # cheek to cheek and brows to chin in the finer crop
_FINE_PX, _COARSE_PX = 1.0, 2.0  # sigmas of the two blurs, pixels of the finer crop
_EDGES_PERCENT = 3  # the share of pixels that counts as edges


def edge_gain(image: npt.NDArray[np.uint8], landmarks: Points) -> float:
    """Return how much steeper the clearest edges are at a fine scale than at a coarse one, about 1.0-1.6.

    image      (H, W, 3) uint8 RGB
    landmarks  (5, 2) float32, x before y, pixels of `image`

    The gradient under a blur of half a crop pixel over that under a whole one, its upper quartile over the
    strongest edges (the re-blurring measure of Zhuo and Sim, 2011). A soft edge gains little; looking at
    edges only keeps grain and JPEG blocks from passing as sharpness.

    Raises CannotAlign when no similarity fits the five points or the face lies outside the picture.
    """
    affine = align(landmarks) * _FINER
    affine[:, 2] += (_FINER - 1) / 2 - np.array([_LEFT, _TOP])
    upright = warped(image, affine, (_WIDTH, _HEIGHT), cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(upright, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine, coarse = _steepness(grey, _FINE_PX), _steepness(grey, _COARSE_PX)
    edges = coarse >= np.percentile(coarse, 100 - _EDGES_PERCENT)
    return float(np.percentile(fine[edges] / np.maximum(coarse[edges], 1e-3), 75))


def _steepness(grey: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """Return the gradient magnitude after a blur."""
    blurred = cv2.GaussianBlur(grey, (0, 0), sigma)
    across, down = (cv2.Sobel(blurred, cv2.CV_32F, dx, 1 - dx, ksize=1) for dx in (1, 0))
    return np.asarray(cv2.magnitude(across, down), np.float32)


def select(
    faces: Sequence[Face],
    image: npt.NDArray[np.uint8],
    options: RestorationOptions,
    sharpness: Sharpness = edge_gain,
) -> list[tuple[Face, str]]:
    """Return every face, in the given order, with the reason to keep it as it is; "" means: restore it.

    image      (H, W, 3) uint8 RGB, the picture that the faces were found in
    sharpness  measures one face, as `edge_gain` does
    """
    reasons = _overlapping(faces)
    for index, face in enumerate(faces):
        if index not in reasons and face.eye_distance < options.min_face_px:
            apart = f"{face.eye_distance:.1f}".removesuffix(".0")
            reasons[index] = f"too small (eyes {apart} px apart, limit {options.min_face_px:g})"
    left = [index for index in range(len(faces)) if index not in reasons]
    reasons.update(_left_out_by_options(faces, left, image.shape[:2], options))
    for index in left:
        if index not in reasons and faces[index].size > options.max_face_px:
            reasons.update(_if_sharp(index, faces[index], image, sharpness))
    return [(face, reasons.get(index, "")) for index, face in enumerate(faces)]


def _overlapping(faces: Sequence[Face]) -> dict[int, str]:
    """Return the faces that were detected twice, or are false detections within or around others."""
    order = sorted(range(len(faces)), key=lambda index: -faces[index].score)
    reasons: dict[int, str] = {}
    for surer, other in combinations(order, 2):
        if surer not in reasons and other not in reasons and _same(faces[surer], faces[other]):
            reasons[other] = "a duplicate of another face"
    for surer, other in combinations(order, 2):
        if surer not in reasons and other not in reasons:
            reasons.update(_nested(faces, surer, other))
    return reasons


def _same(surer: Face, other: Face) -> bool:
    if float(intersection_over_union(np.array(surer.box), np.array([other.box]))[0]) > _SAME_OVERLAP:
        return True
    apart = np.linalg.norm(surer.landmarks - other.landmarks, axis=1).mean()
    return bool(apart < _SAME_POINTS * min(surer.eye_distance, other.eye_distance))


def _nested(faces: Sequence[Face], surer: int, other: int) -> dict[int, str]:
    """Return which of two nested faces to leave out, and why; empty if neither contains the other."""
    boxes = np.array([faces[surer].box, faces[other].box])
    sizes = areas(boxes)
    if float(intersections(boxes[0], boxes[1:])[0]) <= _WITHIN * float(sizes.min()):
        return {}
    if sizes[0] >= sizes[1]:
        return {other: "inside another face"}
    if faces[surer].score > faces[other].score + _MUCH_HIGHER_SCORE:
        return {other: "around a surer face"}
    return {surer: "inside another face"}


def _left_out_by_options(
    faces: Sequence[Face], left: Sequence[int], shape: tuple[int, ...], options: RestorationOptions
) -> dict[int, str]:
    """Return the faces that only_center_face and max_faces leave out."""
    if not left:
        return {}
    if options.only_center_face:
        middle = np.array([shape[1] - 1, shape[0] - 1]) / 2
        centre = min(left, key=lambda index: float(np.linalg.norm(_middle(faces[index]) - middle)))
        return {index: "not the centre face" for index in left if index != centre}
    if options.max_faces is None:
        return {}
    by_size = sorted(left, key=lambda index: -faces[index].size)
    beyond = "the largest face" if options.max_faces == 1 else f"the {options.max_faces} largest faces"
    return dict.fromkeys(by_size[options.max_faces :], f"beyond {beyond}")


def _middle(face: Face) -> npt.NDArray[np.float64]:
    x0, y0, x1, y1 = face.box
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2])


def _if_sharp(index: int, face: Face, image: npt.NDArray[np.uint8], sharpness: Sharpness) -> dict[int, str]:
    """Return the reason to keep a large face, if it is sharp."""
    try:
        sharp = sharpness(image, face.landmarks) >= MIN_EDGE_GAIN
    except CannotAlign:
        return {index: _NOT_A_FACE}
    return {index: f"already sharp ({face.size:.0f} px)"} if sharp else {}
