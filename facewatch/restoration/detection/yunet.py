"""Face detection with YuNet, which is part of facewatch; without torch.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023; the network runs in OpenCV.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.restoration.detection.nms import MOST_OVERLAP, without_overlaps
from facewatch.restoration.packaged import part_of_facewatch
from facewatch.restoration.types import Face

_NETWORK = Path(__file__).with_name("face_detection_yunet_2023mar.onnx")
LONG_SIDE = 2048  # pixels; larger pictures are searched at this size
# YuNet finds faces of 8 to 550 pixels, and at 550 already boxes parts of a face (measured by resizing one).
# Therefore a picture is searched at two sizes, and a face must not be larger than this at the finer one.
_COARSE_LONG_SIDE = 640
_LARGEST_FINE_PX = 400
_MOST_ENLARGED = 2.0  # small pictures: landmarks of small faces come out nearer to RetinaFace's
# YuNet's 0.7 is as reliable as RetinaFace's 0.9, so that one threshold serves both.
_SCORE_EXPONENT = float(np.log(0.9) / np.log(0.7))
_MOST_FACES = 5000
_SMALLEST_PX = 8  # side of a picture that can show a face; of smaller ones YuNet returns nonsense
# In a picture of many small faces the smallest are lost by searching it small: it is searched in tiles then.
_CROWD_FACES = 8
_CROWD_FACE_PX = 40  # median, in the picture as it was searched
_TILE_OVERLAP_PX = 160
_MOST_TILES = 16

Image = npt.NDArray[np.uint8]


class YuNet:
    """Detector of faces that are upright or turned by up to some 60 degrees."""

    name = "yunet"

    def __init__(self, long_side: int = LONG_SIDE, threshold: float = 0.9) -> None:
        """Load the network.  Raises BadCheckpoint when the installation is damaged.

        long_side  pixels; larger pictures are searched at this size
        threshold  the least score, 0-1
        """
        self._long_side = long_side
        self._raw_threshold = threshold ** (1 / _SCORE_EXPONENT)
        nothing = np.empty(0, np.uint8)
        with part_of_facewatch(_NETWORK):
            data = _NETWORK.read_bytes()
            network = np.frombuffer(data, np.uint8)  # as bytes: OpenCV cannot open some paths on Windows
            self._network = cv2.FaceDetectorYN.create(
                "onnx", network, nothing, (32, 32), self._raw_threshold, MOST_OVERLAP, _MOST_FACES
            )

    def find(self, image: Image) -> list[Face]:
        """Return the faces of an (H, W, 3) uint8 RGB picture, highest score first."""
        longest = max(image.shape[:2])
        fine = min(1.0, self._long_side / longest)
        coarse = min(_MOST_ENLARGED, self._long_side / longest, _COARSE_LONG_SIDE / longest)
        found = self._search(image, coarse)
        if fine > coarse * 1.5:
            found += self._search(image, fine, _LARGEST_FINE_PX)
        faces = without_overlaps(found, MOST_OVERLAP)
        if fine < 1 and _is_crowd(faces, fine):
            for x, y, tile in _tiles(image, self._long_side):
                found += [_moved(face, x, y) for face in self._search(tile, 1.0, _LARGEST_FINE_PX)]
            faces = without_overlaps(found, MOST_OVERLAP)
        return faces

    def _search(self, image: Image, ratio: float, largest_px: float = np.inf) -> list[Face]:
        """Return the faces found in the picture resized by `ratio`, in pixels of the picture itself.

        largest_px  faces larger than this in the resized picture are left out
        """
        height, width = image.shape[:2]
        size = (round(width * ratio), round(height * ratio))
        if min(size) < _SMALLEST_PX:
            return []
        way = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
        small = image if size == (width, height) else cv2.resize(image, size, interpolation=way)
        self._network.setInputSize(size)
        _, rows = self._network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        if rows is None:
            return []
        scale = np.array([width / size[0], height / size[1]])
        return [_face(row, scale) for row in rows if max(row[2:4]) <= largest_px]


def _face(row: npt.NDArray[np.float32], scale: npt.NDArray[np.float64]) -> Face:
    """Return a face in pixels of the picture from a row x, y, width, height, five points, score."""
    corners = np.array([row[:2], row[:2] + row[2:4]])
    points = np.concatenate([corners, row[4:14].reshape(5, 2)])
    points = (points + 0.5) * scale - 0.5
    (x0, y0), (x1, y1) = points[:2].tolist()
    return Face((x0, y0, x1, y1), points[2:].astype(np.float32), float(row[14]) ** _SCORE_EXPONENT)


def _is_crowd(faces: list[Face], ratio: float) -> bool:
    """Whether a picture that was searched at `ratio` shows many faces, most of them small."""
    sizes = [face.size * ratio for face in faces]
    return len(sizes) >= _CROWD_FACES and float(np.median(sizes)) < _CROWD_FACE_PX


def _tiles(image: Image, side: int) -> Iterator[tuple[int, int, Image]]:
    """Yield overlapping tiles of the picture with the pixel of their upper left corner.

    The tiles are `side` pixels long, or longer where there would be too many of them.
    """
    height, width = image.shape[:2]
    while _count(height, side) * _count(width, side) > _MOST_TILES:
        side = side * 5 // 4
    for y in _starts(height, side):
        for x in _starts(width, side):
            yield x, y, np.ascontiguousarray(image[y : y + side, x : x + side])


def _count(length: int, side: int) -> int:
    return max(1, -(-(length - _TILE_OVERLAP_PX) // max(1, side - _TILE_OVERLAP_PX)))


def _starts(length: int, side: int) -> list[int]:
    return [round(start) for start in np.linspace(0, max(0, length - side), _count(length, side))]


def _moved(face: Face, x: int, y: int) -> Face:
    x0, y0, x1, y1 = face.box
    landmarks = face.landmarks + np.array([x, y], np.float32)
    return Face((x0 + x, y0 + y, x1 + x, y1 + y), landmarks, face.score)
