"""Where the faces are, by the Haar cascades that come with OpenCV: upright faces seen from the front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.errors import CheckpointMissing
from facewatch.restoration.alignment import TEMPLATE
from facewatch.restoration.detection.nms import without_overlaps
from facewatch.restoration.types import Face, Points

_LONG_SIDE = 2048  # pixels; larger pictures are searched at this size
_SMALLEST = 0.05  # of the picture's short side
_SMALLEST_PX = 20  # the cascade's own window
_STEP = 1.1  # between two sizes of the window
# Windows around one face that have to agree. With 8 the cascade finds 36 of 38 faces of real test photos and
# nothing else there, and makes 3 mistakes in 79 megapixels without a face; with 4 it is 37 and 13 mistakes.
_WITNESSES = 8
_MOST_OVERLAP = 0.3

# Where RetinaFace sees box and eyes in the cascade's square, as shares of its side: medians over 36 faces.
_BOX = (0.08, -0.055, 0.905, 1.05)  # x0, y0, x1, y1
_EYES = np.array([(0.32, 0.3815), (0.692, 0.3815)])
_EYE_REACH = 0.1  # how far from there an eye may be found
_EYE_VIEW = 0.17  # half the side of the square in which it is looked for
_EYE_VIEW_PX = 60  # that square is searched at this size
_MOST_TILT = 0.35  # of the eye distance: how much lower one eye may stand (20 degrees)


class HaarDetector:
    """OpenCV's cascades for faces and eyes; the form Detector."""

    name = "cascade"

    def __init__(self, long_side: int = _LONG_SIDE) -> None:
        """Load the cascades; `long_side` in pixels. Raises CheckpointMissing when OpenCV lacks them."""
        self._long_side = long_side
        self._faces = _load("haarcascade_frontalface_alt2.xml")
        self._eyes = _load("haarcascade_eye_tree_eyeglasses.xml")

    def find(self, image: npt.NDArray[np.uint8]) -> list[Face]:
        """The faces of an (H, W, 3) uint8 RGB picture, the surest first.

        The landmarks are an estimate: the eyes where both are seen, else where a face mostly has them; nose
        and mouth where the mean face has them below these eyes.
        """
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        height, width = grey.shape
        ratio = min(1.0, self._long_side / max(height, width))
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        small = grey if ratio == 1 else cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        shortest = max(_SMALLEST_PX, round(_SMALLEST * min(size)))
        if min(size) < shortest:
            return []
        squares, _, weights = self._faces.detectMultiScale3(
            small,
            scaleFactor=_STEP,
            minNeighbors=_WITNESSES,
            minSize=(shortest, shortest),
            outputRejectLevels=True,
        )
        scale = np.array([width / size[0], height / size[1]])
        found = zip(np.reshape(squares, (-1, 4)), np.ravel(weights), strict=True)
        faces = [self._face(small, square, float(weight), scale) for square, weight in found]
        return without_overlaps(faces, _MOST_OVERLAP)

    def _face(
        self, grey: npt.NDArray[Any], square: npt.NDArray[Any], weight: float, scale: npt.NDArray[np.float64]
    ) -> Face:
        """One face in pixels of the picture, from a square x, y, width, height in the searched one."""
        corner, side = square[:2].astype(np.float64), float(square[2])
        eyes = corner - 0.5 + self._eyes_in(grey, corner, side) * side
        box = (corner - 0.5 + np.reshape(_BOX, (2, 2)) * side + 0.5) * scale - 0.5
        landmarks = (_below_eyes(eyes) + 0.5) * scale - 0.5
        (x0, y0), (x1, y1) = box.tolist()
        return Face((x0, y0, x1, y1), landmarks.astype(np.float32), _score(weight))

    def _eyes_in(
        self, grey: npt.NDArray[Any], corner: npt.NDArray[np.float64], side: float
    ) -> npt.NDArray[np.float64]:
        """Both eyes, (2, 2), as shares of the square's side; the usual places unless both are plausible."""
        seen = [self._eye_in(grey, corner, side, usual) for usual in _EYES]
        if seen[0] is None or seen[1] is None:
            return _EYES
        eyes = np.stack([seen[0], seen[1]])
        across, down = eyes[1] - eyes[0]
        return eyes if abs(down) < _MOST_TILT * across else _EYES

    def _eye_in(
        self,
        grey: npt.NDArray[Any],
        corner: npt.NDArray[np.float64],
        side: float,
        usual: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64] | None:
        """The centre of one eye as shares of the square's side, or None."""
        middle = corner + usual * side
        start = np.maximum(np.rint(middle - _EYE_VIEW * side), 0).astype(int)
        stop = np.rint(middle + _EYE_VIEW * side).astype(int)
        view = grey[start[1] : stop[1], start[0] : stop[0]]
        if min(view.shape, default=0) < 4:
            return None
        zoom = _EYE_VIEW_PX / max(view.shape)
        way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
        near = cv2.resize(view, None, fx=zoom, fy=zoom, interpolation=way)
        squares, _, weights = self._eyes.detectMultiScale3(
            near, scaleFactor=1.05, minNeighbors=3, outputRejectLevels=True
        )
        if len(squares) == 0:
            return None
        x, y, wide, high = (float(value) for value in squares[int(np.argmax(np.ravel(weights)))])
        place = (start + np.array([x + wide / 2, y + high / 2]) / zoom - corner) / side
        return place if np.linalg.norm(place - usual) < _EYE_REACH else None


def _below_eyes(eyes: npt.NDArray[np.float64]) -> Points:
    """Five landmarks, (5, 2): the template turned and sized so that its eyes are these, (2, 2)."""
    template = np.array(TEMPLATE) @ (1, 1j)
    left, right = eyes @ (1, 1j)
    placed = left + (template - template[0]) * (right - left) / (template[1] - template[0])
    return np.stack([placed.real, placed.imag], axis=1).astype(np.float32)


def _score(weight: float) -> float:
    """The last stage's sum as 0-1: real faces of test photos have 55.9-58, mistakes 54-55.5."""
    return float(1 / (1 + np.exp(-2 * (weight - 55.4))))


def _load(file_name: str) -> cv2.CascadeClassifier:
    path = Path(cv2.__file__).parent / "data" / file_name
    try:
        # Read here, because OpenCV does not open paths with letters beyond ASCII on Windows.
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointMissing(
            f"OpenCV's {file_name} is missing: install opencv-python 4.10 or later, but below 5, again."
        ) from error
    storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    cascade = cv2.CascadeClassifier()
    cascade.read(storage.getFirstTopLevelNode())
    return cascade
