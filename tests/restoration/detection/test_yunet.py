"""The built-in detector: as good as RetinaFace on real photos, at any size and turn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from facewatch.restoration.alignment import TEMPLATE
from facewatch.restoration.detection.retinaface import RetinaFace
from facewatch.restoration.detection.yunet import YuNet
from facewatch.restoration.types import Face
from tests.portrait import portrait_pixels


@pytest.fixture(scope="module")
def yunet() -> YuNet:
    return YuNet()


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path))[..., ::-1].copy()


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 0.6)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def distance(one: Face, other: Face) -> float:
    """Mean distance of the landmarks in eye distances of the second face."""
    return float(np.linalg.norm(one.landmarks - other.landmarks, axis=1).mean() / other.eye_distance)


class TestRealPhotos:
    def test_it_finds_the_faces_that_retinaface_finds_and_no_other(self, shared: Path, yunet):
        reference = RetinaFace("mobilenet", shared / "weights" / "retinaface_mobilenet0.25.pth", "cpu")
        photos = sorted(path for path in (shared / "photos").glob("*/*") if path.suffix in {".png", ".jpg"})
        assert len(photos) >= 20
        for photo in photos:
            image = read(photo)
            expected, found = reference.find(image), yunet.find(image)
            assert len(found) == len(expected), photo.name
            for face in found:
                assert min(distance(face, other) for other in expected) < 0.2, photo.name

    @pytest.mark.parametrize("degrees", [-30, 30])
    def test_it_finds_faces_turned_by_30_degrees(self, shared: Path, yunet, degrees):
        photos = [*(shared / "photos" / "aligned").iterdir(), *(shared / "photos" / "grey").iterdir()]
        assert [len(yunet.find(turned(read(photo), degrees))) for photo in photos] == [1] * len(photos)


class TestAnyPicture:
    def test_a_face_is_one_face_at_every_size(self, yunet):
        portrait = portrait_pixels()
        side = max(portrait.shape[:2])
        (expected,) = yunet.find(portrait)
        for long_side in (128, 512, 1024, 3000):
            scale = long_side / side
            image = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            (face,) = yunet.find(image)
            back = Face(face.box, (face.landmarks + 0.5) / scale - 0.5, face.score)
            assert distance(back, expected) < 0.15, long_side

    def test_the_landmarks_are_eyes_nose_and_mouth_from_the_viewers_left(self, yunet):
        (face,) = yunet.find(portrait_pixels())
        left, right, nose, *mouth = face.landmarks
        assert left[0] < right[0]
        assert mouth[0][0] < mouth[1][0]
        assert max(left[1], right[1]) < nose[1] < min(mouth[0][1], mouth[1][1])
        x0, y0, x1, y1 = face.box
        assert all(x0 < x < x1 and y0 < y < y1 for x, y in face.landmarks)
        assert 0.9 <= face.score <= 1
        assert TEMPLATE  # the order that alignment expects

    def test_a_crowd_of_small_faces_is_found_in_a_large_picture(self, yunet):
        portrait = cv2.resize(portrait_pixels(), (160, 160), interpolation=cv2.INTER_AREA)
        crowd = np.full((3000, 8000, 3), 128, np.uint8)
        places = [(300 + 700 * column, 200 + 700 * row) for row in range(4) for column in range(11)]
        for x, y in places:
            crowd[y : y + 160, x : x + 160] = portrait
        found = yunet.find(crowd)
        centres = [((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in (face.box for face in found)]
        near = [any(abs(x + 80 - a) < 40 and abs(y + 54 - b) < 40 for a, b in centres) for x, y in places]
        assert sum(near) >= 0.9 * len(places)
        assert len(found) <= len(places)

    @pytest.mark.parametrize("size", [(1, 1), (60, 60), (1, 500), (25, 25)])
    def test_the_smallest_pictures_have_no_face(self, yunet, size):
        assert yunet.find(np.full((*size, 3), 90, np.uint8)) == []

    def test_noise_is_no_face(self, yunet):
        noise = np.random.default_rng(3).integers(0, 256, (400, 600, 3), np.uint8)
        assert yunet.find(noise) == []
        assert yunet.find(cv2.GaussianBlur(noise, (0, 0), 6)) == []

    def test_a_higher_threshold_finds_no_more(self):
        portrait = portrait_pixels()
        assert len(YuNet(threshold=0.5).find(portrait)) >= len(YuNet(threshold=0.99).find(portrait))
        assert YuNet(threshold=0.999).find(portrait) == []
