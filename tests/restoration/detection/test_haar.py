"""The built-in detector: most faces, no false ones, landmarks exact enough to align a face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from facewatch.errors import CheckpointMissing
from facewatch.restoration.detection import haar as module
from facewatch.restoration.detection.haar import HaarDetector
from facewatch.restoration.detection.retinaface import RetinaFace
from facewatch.restoration.types import Face

PHOTOS = (
    "grey/codeformer_Hepburn01.png",
    "aligned/gfpgan_Adele_crop.png",
    "whole/codeformer_00.jpg",
    "whole/codeformer_01.jpg",
    "whole/codeformer_06.png",
    "whole/gfpgan_Blake_Lively.jpg",
    "whole/realesrgan_tree_alpha_16bit.png",
)


@pytest.fixture(scope="module")
def cascade() -> HaarDetector:
    return HaarDetector()


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path))[..., ::-1].copy()


def drawn_face(side: int) -> np.ndarray:
    """Draw a grey face that the cascade finds."""
    picture = np.full((side, side, 3), 120, np.uint8)
    middle, unit = side // 2, side // 40

    def spot(x: float, y: float, a: float, b: float, level: int) -> None:
        place = (round(middle + x * unit), round(middle + y * unit))
        cv2.ellipse(picture, place, (round(a * unit), round(b * unit)), 0, 0, 360, [level] * 3, -1)

    spot(0, 0, 9, 12, 200)
    for x in (-3.7, 3.7):
        spot(x, -4.2, 2.4, 0.7, 80)
        spot(x, -2.4, 1.8, 1.0, 60)
    spot(0, 2, 1.1, 3, 225)
    spot(0, 3.4, 1.8, 0.6, 140)
    spot(0, 6.4, 3.4, 1.0, 90)
    return cv2.GaussianBlur(picture, (0, 0), unit / 2)


def distance(one: Face, other: Face) -> float:
    """Return the mean distance of the landmarks in eye distances of the second face."""
    return float(np.linalg.norm(one.landmarks - other.landmarks, axis=1).mean() / other.eye_distance)


class TestRealPhotos:
    def test_it_agrees_with_retinaface(self, shared: Path, cascade):
        reference = RetinaFace("mobilenet", shared / "weights" / "retinaface_mobilenet0.25.pth", "cpu")
        apart, expected_count = [], 0
        for name in PHOTOS:
            image = read(shared / "photos" / name)
            expected = reference.find(image)
            expected_count += len(expected)
            found = cascade.find(image)
            apart += [min(distance(face, other) for other in expected) for face in found]

        assert len(apart) >= expected_count - 1
        assert max(apart) < 0.25  # so each one found is a face
        assert np.mean(apart) < 0.12

    def test_a_large_picture_is_shrunk_and_its_faces_keep_their_places(self, shared: Path, cascade):
        image = read(shared / "photos" / "aligned" / "gfpgan_Adele_crop.png")
        large = cv2.resize(image, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)

        (small_face,), (large_face,) = cascade.find(image), cascade.find(large)

        back = Face(large_face.box, (large_face.landmarks + 0.5) / 6 - 0.5, large_face.score)
        assert distance(back, small_face) < 0.1


class TestAnyPicture:
    @pytest.mark.parametrize("size", [(1, 1), (60, 60), (1, 500), (25, 25)])
    def test_the_smallest_pictures_have_no_face(self, cascade, size):
        assert cascade.find(np.full((*size, 3), 90, np.uint8)) == []

    def test_noise_is_no_face(self, cascade):
        noise = np.random.default_rng(3).integers(0, 256, (400, 600, 3), np.uint8)

        assert cascade.find(noise) == []
        assert cascade.find(cv2.GaussianBlur(noise, (0, 0), 6)) == []

    def test_a_drawn_face_has_its_eyes_above_its_mouth(self, cascade):
        (face,) = cascade.find(drawn_face(400))

        left, right, nose, *mouth = face.landmarks
        assert left == pytest.approx((163, 176), abs=18)
        assert right == pytest.approx((237, 176), abs=18)
        assert left[1] < nose[1] < min(mouth[0][1], mouth[1][1])
        assert 0 < face.score < 1
        x0, y0, x1, y1 = face.box
        assert x0 < left[0] < right[0] < x1
        assert y0 < left[1] < mouth[0][1] < y1

    def test_missing_cascade_files_are_an_error_that_says_what_to_install(self):
        with pytest.raises(CheckpointMissing, match="opencv-python"):
            module._load("no_such_cascade.xml")
