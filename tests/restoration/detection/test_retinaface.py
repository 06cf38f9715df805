"""RetinaFace: the same faces as facexlib, in any picture, at any size and rotation."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from facewatch.errors import BadCheckpoint, NetworkFailed
from facewatch.restoration.detection.nms import without_overlaps
from facewatch.restoration.detection.retinaface import RetinaFace
from facewatch.restoration.detection.rotation import find_rotated
from facewatch.restoration.types import Face

COUNTS = {"whole/gfpgan_00.jpg": 2, "whole/gfpgan_10045.png": 3, "whole/codeformer_00.jpg": 4}
SMALL = "whole/codeformer_00.jpg"


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Use one thread: torch's threads wait by spinning, so on a busy machine two are slower than one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def weights(shared: Path) -> Path:
    return shared / "weights" / "retinaface_mobilenet0.25.pth"


@pytest.fixture(scope="module")
def detector(weights: Path) -> RetinaFace:
    return RetinaFace("mobilenet", weights, "cpu")


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path))[..., ::-1].copy()


def values(faces: list[Face]) -> np.ndarray:
    """Return boxes and landmarks, (N, 14)."""
    return np.array([[*face.box, *face.landmarks.ravel()] for face in faces]).reshape(-1, 14)


class TestAgainstFacexlib:
    def test_every_photo_gives_the_same_faces(self, shared: Path, detector, weights):
        from facexlib.detection.retinaface import RetinaFace as Reference

        reference = Reference("mobile0.25", device="cpu")
        state = torch.load(weights, map_location="cpu", weights_only=True)
        reference.load_state_dict({key.removeprefix("module."): value for key, value in state.items()})
        reference.requires_grad_(False)

        photos = sorted((shared / "photos").glob("*/*"))
        assert len(photos) > 15
        for path in photos:
            image = read(path)
            ours = detector.find(image)
            theirs = reference.detect_faces(image[..., ::-1].copy(), 0.9)
            assert len(ours) == len(theirs), path.name
            if ours:
                assert np.abs(values(ours) - np.delete(theirs, 4, axis=1)).max() < 0.5, path.name
                assert [face.score for face in ours] == pytest.approx(theirs[:, 4], abs=1e-4)


class TestRealPhotos:
    @pytest.mark.parametrize(("name", "count"), COUNTS.items())
    def test_the_faces_are_found(self, shared: Path, detector, name, count):
        faces = detector.find(read(shared / "photos" / name))

        assert len(faces) == count
        assert [face.score for face in faces] == sorted((face.score for face in faces), reverse=True)

    def test_a_large_picture_is_shrunk_and_its_faces_keep_their_places(self, shared, detector, weights):
        image = read(shared / "photos" / SMALL)
        large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)

        bounded = RetinaFace("mobilenet", weights, "cpu", long_side=image.shape[1]).find(large)

        expected = (values(detector.find(image)) + 0.5) * 4 - 0.5
        found = values(bounded)
        assert len(found) == len(expected)
        apart = np.abs(found[:, None] - expected[None]).max(axis=2).min(axis=1)
        assert apart.max() < 4  # one pixel of the shrunk picture

    def test_a_stricter_threshold_keeps_fewer(self, shared, detector, weights):
        image = read(shared / "photos" / SMALL)
        strict = RetinaFace("mobilenet", weights, "cpu", threshold=0.99)

        assert len(strict.find(image)) == 3

    @pytest.mark.parametrize("quarters", [1, 2, 3])
    def test_a_picture_on_its_side_has_the_same_faces(self, shared, detector, quarters):
        image = read(shared / "photos" / SMALL)
        height, width = image.shape[:2]

        faces = find_rotated(detector, np.ascontiguousarray(np.rot90(image, quarters)))

        upright = values(detector.find(image))
        places = {
            1: lambda x, y: (y, width - 1 - x),
            2: lambda x, y: (width - 1 - x, height - 1 - y),
            3: lambda x, y: (height - 1 - y, x),
        }
        x, y = places[quarters](upright[:, 4::2], upright[:, 5::2])
        found = values(faces)
        assert len(found) == len(upright)
        assert np.abs(np.sort(found[:, 4::2], 0) - np.sort(x, 0)).max() < 0.01
        assert np.abs(np.sort(found[:, 5::2], 0) - np.sort(y, 0)).max() < 0.01


class TestAnyPicture:
    @pytest.mark.parametrize("size", [(1, 1), (60, 60), (1, 500), (31, 33)])
    def test_the_smallest_pictures_are_searched(self, retinaface_mobilenet_file, size):
        detector = RetinaFace("mobilenet", retinaface_mobilenet_file, "cpu")

        assert detector.find(np.full((*size, 3), 90, np.uint8)) == []

    def test_every_anchor_of_a_picture_can_hold_a_face(self, retinaface_mobilenet_file):
        detector = RetinaFace("mobilenet", retinaface_mobilenet_file, "cpu", threshold=0.0)

        faces = detector.find(np.full((50, 70, 3), 90, np.uint8))

        assert faces
        assert all(np.isfinite(face.landmarks).all() for face in faces)

    def test_nan_is_an_error_and_not_an_empty_result(self, retinaface_mobilenet_file, tmp_path):
        state = torch.load(retinaface_mobilenet_file, weights_only=True)
        state["module.ClassHead.1.conv1x1.bias"].fill_(float("nan"))
        torch.save(state, tmp_path / "broken.pth")
        detector = RetinaFace("mobilenet", tmp_path / "broken.pth", "cpu")

        with pytest.raises(NetworkFailed, match="returned NaN or infinite"):
            detector.find(np.zeros((64, 64, 3), np.uint8))


class TestCheckpoints:
    def test_the_published_resnet_file_loads_and_is_named(self, retinaface_resnet50_file):
        detector = RetinaFace("resnet50", retinaface_resnet50_file, "cpu")

        assert detector.name == "retinaface-resnet50"
        assert detector.find(np.full((64, 64, 3), 90, np.uint8)) == []

    def test_the_other_backbones_file_is_named(self, retinaface_mobilenet_file):
        with pytest.raises(BadCheckpoint, match="looks like RetinaFace with mobilenet"):
            RetinaFace("resnet50", retinaface_mobilenet_file, "cpu")

    def test_another_networks_file_is_named(self, tmp_path):
        torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")

        with pytest.raises(BadCheckpoint, match=r"starts with conv\.weight"):
            RetinaFace("mobilenet", tmp_path / "other.pth", "cpu")


class TurningDetector:
    """Finds one face at the only white pixel, with a higher score in pictures wider than high."""

    name = "turning"

    def find(self, image: np.ndarray) -> list[Face]:
        ((y, x),) = np.argwhere(image[..., 0] == 255)
        marks = np.array([(x + dx, y + dy) for dx, dy in ((-2, -2), (2, -2), (0, 0), (-1, 2), (1, 2))])
        score = 0.9 if image.shape[1] > image.shape[0] else 0.8
        return [Face((x - 5.0, y - 6.0, x + 5.0, y + 6.0), marks.astype(np.float32), score)]


class TestRotations:
    @pytest.mark.parametrize("size", [(40, 60), (60, 40)])
    def test_a_face_found_four_times_is_returned_once(self, size):
        image = np.zeros((*size, 3), np.uint8)
        image[15, 20] = 255

        (face,) = find_rotated(TurningDetector(), image)

        assert face.score == 0.9
        assert tuple(face.landmarks[2]) == (20, 15)
        x0, y0, x1, y1 = face.box
        assert ((x0 + x1) / 2, (y0 + y1) / 2) == (20, 15)
        assert x1 > x0
        assert y1 > y0

    def test_of_overlapping_faces_the_highest_score_is_kept(self):
        marks = np.zeros((5, 2), np.float32)
        faces = [Face((0, 0, 10, 10), marks, 0.8), Face((1, 0, 11, 10), marks, 0.9)]
        apart = Face((20, 0, 30, 10), marks, 0.7)

        assert without_overlaps([*faces, apart], 0.4) == [faces[1], apart]
        assert without_overlaps([], 0.4) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 7, 3), (7, 1, 3)])
def test_a_picture_of_a_single_row_is_rotated(detector, shape):
    assert find_rotated(detector, np.zeros(shape, np.uint8)) == []
