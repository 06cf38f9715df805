"""Show real degraded photos before and after, on one sheet.

`python -m training.photos WEIGHTS SHEET.png` finds the faces of FACEWATCH_SHARED/photos with YuNet.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from facewatch.restoration.alignment import crop_upright
from training.degradations import enlarge
from training.evaluate import sheet
from training.faces import SHARED, Pixels, read
from training.weights import load

_LEAST_SCORE = 0.7
_LARGEST_SIDE = 1200
_MOST_FACES_A_PHOTO = 3


def crops(photo: Pixels) -> Iterator[Pixels]:
    """Yield the largest faces of a photo, upright, (512, 512, 3) uint8 RGB."""
    scale = min(1.0, _LARGEST_SIDE / max(photo.shape[:2]))
    small = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    size = (small.shape[1], small.shape[0])
    weights = SHARED / "weights" / "face_detection_yunet_2023mar.onnx"
    detector = cv2.FaceDetectorYN.create(str(weights), "", size, _LEAST_SCORE)
    _, found = detector.detect(np.ascontiguousarray(small[:, :, ::-1]))
    if found is None:
        return
    for row in sorted(found, key=lambda face: -face[2] * face[3])[:_MOST_FACES_A_PHOTO]:
        points = row[4:14].reshape(5, 2) / scale
        yield crop_upright(photo, points.astype(np.float32))[0]


def main(weights: Path, target: Path) -> None:
    """Write the sheet."""
    folder = SHARED / "photos"
    upright = [*sorted((folder / "aligned").iterdir()), *sorted((folder / "grey").iterdir())]
    shown = [enlarge(read(file), cv2.INTER_CUBIC) for file in upright]
    for file in sorted((folder / "whole").iterdir()):
        shown += crops(read(file))
    sheet(load(weights), [[crop] for crop in shown], target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
