"""The pictures for all flows and the faces in them, made once before the measurement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.cli.bench.case import Case
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Prepared
from facewatch.errors import WrongUse
from facewatch.restoration.alignment import TEMPLATE, crop_upright
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.resize import eight_bits
from facewatch.restoration.types import CROP_SIZE, Detector, Face

Pixels: TypeAlias = npt.NDArray[np.uint8]
FaceRows: TypeAlias = list[list[float]]
"""x0, y0, x1, y1, score, then x and y of the five landmarks, for each face."""

GROUP = 13
_JPEG_QUALITY = 95
_MOST_PIXELS = 100_000_000
_TWO = 2


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture and its faces."""

    pixels: Pixels  # (H, W, 3) RGB
    faces: FaceRows


def prepare(case: Case, watch: Stopwatch) -> Prepared:
    """Write the pictures into the run's folder; return their paths and the faces in them.

    Raises WrongUse when no photo shows a face, and BadPhoto.
    """
    del watch
    detector = _detector(case)
    shots = [_read(Path(source), detector) for source in case.args["sources"]]
    best = _with_two_faces(shots)
    folder, sizes = Path(case.folder), case.args["megapixels"]
    made = {name: scaled(best, sizes[name]) for name in ("small", "large")}
    made["group"] = with_group(scaled(best, sizes["group"]).pixels)
    album = [shot for shot in shots if shot.faces] or [best]
    copies = int(case.args["album"]["photos"])
    for number in range(min(copies, len(album))):
        whole = album[number]
        size = case.args["album"]["megapixels"]
        made[f"album-{number}"] = _narrower(scaled(whole, size) if size else whole, number)
    paths = {name: _write_jpeg(folder / f"{name}.jpg", shot.pixels) for name, shot in made.items()}
    distinct = [path for name, path in paths.items() if name.startswith("album-")]
    facts = {
        "detector": detector.name,
        "photos": {name: paths[name] for name in ("small", "large", "group")},
        "shapes": {name: list(made[name].pixels.shape[:2]) for name in ("small", "large", "group")},
        "album": [distinct[number % len(distinct)] for number in range(copies)],
        "faces": {_key(shot.pixels): shot.faces for shot in made.values()},
        **_crops(folder, made["small"]),
    }
    return lambda: None, facts


def read_rgb(path: str) -> Pixels:
    """Read a picture that `prepare` wrote, (H, W, 3) RGB."""
    return np.asarray(cv2.cvtColor(read_bgr(path), cv2.COLOR_BGR2RGB), np.uint8)


def read_bgr(path: str) -> Pixels:
    """Read a picture that `prepare` wrote, (H, W, 3) BGR."""
    picture = cv2.imread(path, cv2.IMREAD_COLOR)
    assert picture is not None, f"{path} was written by this run"
    return np.asarray(picture, np.uint8)


def scaled(shot: Shot, megapixels: float) -> Shot:
    """Return the picture and its faces at so many megapixels; Lanczos enlarges, area averages shrink."""
    height, width = shot.pixels.shape[:2]
    factor = math.sqrt(megapixels * 1e6 / (height * width))
    size = (round(width * factor), round(height * factor))
    interpolation = cv2.INTER_LANCZOS4 if factor > 1 else cv2.INTER_AREA
    pixels = np.asarray(cv2.resize(shot.pixels, size, interpolation=interpolation), np.uint8)
    across, down = size[0] / width, size[1] / height
    faces = [
        [
            value
            if index == 4
            else _scaled_coordinate(value, across if (index % 2 == 0) == (index < 4) else down)
            for index, value in enumerate(row)
        ]
        for row in shot.faces
    ]
    return Shot(pixels, faces)


def with_group(pixels: Pixels) -> Shot:
    """Return the picture with GROUP faces of the template's shape in rows, like a group photo."""
    height, width = pixels.shape[:2]
    columns, rows = 5, math.ceil(GROUP / 5)
    side = min(width / columns, height / rows) * 0.8
    template = np.array(TEMPLATE) * side / CROP_SIZE
    faces: FaceRows = []
    for number in range(GROUP):
        row, column = divmod(number, columns)
        corner = np.array([(column + 0.1) * width / columns, (row + 0.1) * height / rows])
        points = template + corner
        low, high = corner + side * 0.2, corner + side * 0.8
        faces.append([*low.tolist(), *high.tolist(), 0.99, *points.ravel().tolist()])
    return Shot(pixels, faces)


def _scaled_coordinate(value: float, factor: float) -> float:
    return (value + 0.5) * factor - 0.5  # the outer edges of both pictures coincide


def _detector(case: Case) -> Detector:
    name = case.args["detector"]
    if name is None:
        from facewatch.restoration.detection.yunet import YuNet

        return YuNet()
    from facewatch.restoration.detection.retinaface import RetinaFace

    return RetinaFace("mobilenet" if "mobilenet" in name else "resnet50", case.model(name), case.device)


def _read(source: Path, detector: Detector) -> Shot:
    pixels = eight_bits(decode(source.read_bytes(), _MOST_PIXELS).pixels)
    return Shot(pixels, [_row(face) for face in detector.find(pixels)])


def _row(face: Face) -> list[float]:
    return [*face.box, face.score, *(float(value) for value in face.landmarks.ravel())]


def _with_two_faces(shots: Sequence[Shot]) -> Shot:
    """Return the largest picture with two faces or more, and its two largest faces.

    Where no picture has two, the one with a face is put beside itself.
    """
    several = [shot for shot in shots if len(shot.faces) >= _TWO]
    if several:
        shot = max(several, key=lambda shot: shot.pixels.size)
        return Shot(shot.pixels, sorted(shot.faces, key=_area, reverse=True)[:_TWO])
    single = [shot for shot in shots if shot.faces]
    if not single:
        raise WrongUse("none of the photos shows a face: name others with --photos")
    shot = max(single, key=lambda shot: shot.pixels.size)
    row, width = shot.faces[0], shot.pixels.shape[1]
    beside = [
        value + width if index in {0, 2, *range(5, 15, 2)} else value for index, value in enumerate(row)
    ]
    return Shot(np.hstack([shot.pixels, shot.pixels]), [row, beside])


def _area(row: list[float]) -> float:
    return (row[2] - row[0]) * (row[3] - row[1])


def _narrower(shot: Shot, columns: int) -> Shot:
    """Cut columns off at the right, so that no two pictures of an album have the same shape."""
    return Shot(np.ascontiguousarray(shot.pixels[:, : shot.pixels.shape[1] - columns]), shot.faces)


def _key(pixels: Pixels) -> str:
    return f"{pixels.shape[0]}x{pixels.shape[1]}"


def _write_jpeg(path: Path, pixels: Pixels) -> str:
    cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return str(path)


def _crops(folder: Path, shot: Shot) -> dict[str, str]:
    """Write a face crop, a stand-in for the restored crop, and a stand-in for the parser's labels."""
    crop, _ = crop_upright(shot.pixels, np.array(shot.faces[0][5:], np.float32).reshape(5, 2))
    labels = np.zeros((CROP_SIZE, CROP_SIZE), np.uint8)
    cv2.ellipse(labels, (256, 270), (170, 215), 0, 0, 360, 13, -1)  # hair
    cv2.ellipse(labels, (256, 290), (135, 185), 0, 0, 360, 1, -1)  # skin
    paths = {}
    for name, array in (("crop", crop), ("restored", cv2.GaussianBlur(crop, (0, 0), 3)), ("labels", labels)):
        paths[name] = str(folder / f"{name}.npy")
        np.save(paths[name], array)
    return paths
