"""Show real photos before and after, on one sheet.

`python -m training.photos WEIGHTS SHEET.png` finds the faces of FACEWATCH_SHARED/photos with YuNet;
with `--free`, the sheet of docs/model-card.md: the softest free portraits that were not learned from.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from facewatch.restoration.alignment import crop_upright
from facewatch.restoration.networks.builtin import Restorer
from training.degradations import enlarge
from training.evaluate import apply, sharpness, sheet
from training.faces import SHARED, Pixels, held_out, portraits, read
from training.weights import load

_LEAST_SCORE = 0.7
_LARGEST_SIDE = 1200
_MOST_FACES_A_PHOTO = 3
_FREE, _FREE_A_ROW = 24, 4
_MOST_PADDING = 0.2
_FACE = (slice(80, 464), slice(91, 421))  # of a crop of 512: without most of the hair and the ground
_SHOWN_SIDE = (264, 307)


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


def soft() -> list[Pixels]:
    """Return the softest real portraits that are free and were not learned from, as crops of 512.

    They are what small pictures of staff pages are: soft, grainy, compressed.
    """
    measured = set(held_out())
    chosen = [
        enlarge(portrait.load(), cv2.INTER_CUBIC)
        for portrait in portraits()
        if portrait.free
        and not portrait.made
        and not portrait.usable
        and portrait.side == 256
        and portrait.padding <= _MOST_PADDING
        and portrait.file not in measured
    ]
    return sorted(chosen, key=lambda face: float(sharpness(face).mean()))[:_FREE]


def free_sheet(network: Restorer, target: Path) -> None:
    """Write each soft portrait and, right of it, what the network makes of it."""
    pairs = []
    for face in soft():
        shown = [cv2.resize(side[_FACE], _SHOWN_SIDE) for side in (face, apply(network, face))]
        pairs.append(cv2.copyMakeBorder(np.hstack(shown), 0, 6, 0, 6, cv2.BORDER_CONSTANT, value=(255,) * 3))
    rows = [np.hstack(pairs[first : first + _FREE_A_ROW]) for first in range(0, _FREE, _FREE_A_ROW)]
    cv2.imwrite(str(target), np.vstack(rows)[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, 88])


def photo_sheet(network: Restorer, target: Path) -> None:
    """Write the faces of FACEWATCH_SHARED/photos."""
    folder = SHARED / "photos"
    upright = [*sorted((folder / "aligned").iterdir()), *sorted((folder / "grey").iterdir())]
    shown = [enlarge(read(file), cv2.INTER_CUBIC) for file in upright]
    for file in sorted((folder / "whole").iterdir()):
        shown += crops(read(file))
    sheet(network, [[crop] for crop in shown], target)


def main() -> None:
    """Read the options and write the sheet."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("weights", type=Path)
    options.add_argument("sheet", type=Path)
    options.add_argument("--free", action="store_true", help="portraits that may be shown")
    given = options.parse_args()
    write = free_sheet if given.free else photo_sheet
    write(load(given.weights), given.sheet)


if __name__ == "__main__":
    main()
