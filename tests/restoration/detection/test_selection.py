"""Selection of the faces to restore, and the reasons for the others."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from facewatch.restoration.alignment import TEMPLATE
from facewatch.restoration.detection.retinaface import RetinaFace
from facewatch.restoration.detection.selection import MIN_EDGE_GAIN, edge_gain, select
from facewatch.restoration.options import RestorationOptions
from facewatch.restoration.types import Face

PICTURE = np.zeros((600, 800, 3), np.uint8)


def face_at(x: float, y: float, size: float = 100, score: float = 0.99) -> Face:
    """Return a face around (x, y) whose box is `size` high."""
    points = np.array(TEMPLATE, np.float32)
    marks = (points - points.mean(0)) * size / 360 + (x, y)
    box = (x - size * 0.4, y - size * 0.5, x + size * 0.4, y + size * 0.5)
    return Face(box, marks.astype(np.float32), score)


def reasons(faces: list[Face], **options) -> list[str]:
    return [
        reason
        for _, reason in select(faces, PICTURE, RestorationOptions(**options), sharpness=lambda *_: 1.0)
    ]


class TestOverlaps:
    def test_two_faces_side_by_side_are_both_restored(self):
        assert reasons([face_at(100, 100), face_at(185, 100)]) == ["", ""]

    def test_of_a_face_seen_twice_the_surer_is_restored(self):
        faces = [face_at(100, 100, score=0.95), face_at(104, 98, score=0.99)]

        assert reasons(faces) == ["a duplicate of another face", ""]

    def test_the_same_landmarks_in_another_box_are_the_same_face(self):
        face = face_at(100, 100)
        wider = Face((20, 10, 300, 300), face.landmarks + 1, 0.9)

        assert reasons([face, wider]) == ["", "a duplicate of another face"]

    def test_a_face_within_a_face_is_not_restored(self):
        assert reasons([face_at(300, 300, 300), face_at(300, 260, 60)]) == ["", "inside another face"]
        assert reasons([face_at(300, 260, 60), face_at(300, 300, 300, score=0.95)]) == [
            "inside another face",
            "",
        ]

    def test_an_unsure_face_around_a_sure_one_is_the_mistake(self):
        faces = [face_at(300, 260, 60), face_at(300, 300, 300, score=0.6)]

        assert reasons(faces) == ["", "around a surer face"]

    def test_a_rejected_face_rejects_no_other(self):
        sure, unsure = face_at(300, 260, 60, score=0.99), face_at(300, 300, 300, score=0.6)
        small_and_less_sure = face_at(300, 380, 50, score=0.59)

        assert reasons([sure, unsure, small_and_less_sure]) == ["", "around a surer face", ""]


class TestOptions:
    def test_a_face_too_small_is_kept_and_its_size_told(self):
        (reason,) = reasons([face_at(100, 100, 12.3)])

        assert reason == "too small (eyes 4.3 px apart, limit 5)"
        assert reasons([face_at(100, 100, 12.3)], min_face_px=4) == [""]

    def test_only_the_centre_face(self):
        faces = [face_at(100, 100), face_at(420, 290), face_at(700, 500)]

        assert reasons(faces, only_center_face=True) == ["not the centre face", "", "not the centre face"]

    def test_a_face_too_small_is_not_the_centre_face(self):
        faces = [face_at(400, 300, 10), face_at(100, 100)]

        assert reasons(faces, only_center_face=True)[1] == ""

    def test_the_largest_faces(self):
        faces = [face_at(100, 100, 60), face_at(300, 300, 200), face_at(600, 300, 150)]

        assert reasons(faces, max_faces=2) == ["beyond the 2 largest faces", "", ""]
        assert reasons(faces, max_faces=1)[2] == "beyond the largest face"

    def test_no_faces_are_no_trouble(self):
        assert select([], PICTURE, RestorationOptions(only_center_face=True, max_faces=1)) == []

    def test_the_order_is_that_of_the_detector(self):
        faces = [face_at(600, 100, 50), face_at(100, 100, 150), face_at(300, 400, 90)]

        assert [face for face, _ in select(faces, PICTURE, RestorationOptions(max_faces=1))] == faces


class TestSharpness:
    def test_a_large_sharp_face_is_kept_and_a_large_soft_one_restored(self):
        face = face_at(400, 300, 520)

        assert [reason for _, reason in select([face], PICTURE, RestorationOptions(), lambda *_: 1.5)] == [
            "already sharp (520 px)"
        ]
        assert [reason for _, reason in select([face], PICTURE, RestorationOptions(), lambda *_: 1.2)] == [""]

    def test_a_small_face_is_not_even_measured(self):
        def never(*_):
            raise AssertionError

        assert [
            reason for _, reason in select([face_at(400, 300, 500)], PICTURE, RestorationOptions(), never)
        ] == [""]

    def test_a_large_face_that_cannot_be_turned_upright_is_kept(self):
        face = Face((0, 0, 600, 600), np.array([(0, 0), (600, 0), *[(0, 0)] * 3], np.float32) * np.nan, 0.9)

        assert reasons_of_real(face) == ["its landmarks do not form a face"]

    def test_lines_lose_their_sharpness_by_blur_and_by_enlarging_and_do_not_gain_it_by_grain(self):
        rng = np.random.default_rng(5)
        sharp = np.full((1200, 1000, 3), 170, np.uint8)
        for x0, y0, x1, y1 in rng.integers(100, 1000, (150, 4)):
            cv2.line(sharp, (int(x0), int(y0)), (int(x1), int(y1)), (60, 60, 60), 2, cv2.LINE_AA)
        landmarks = face_at(500, 500, 800).landmarks
        blurred = cv2.GaussianBlur(sharp, (0, 0), 5)
        grainy = np.clip(blurred + rng.normal(0, 8, blurred.shape), 0, 255).astype(np.uint8)
        small = cv2.resize(sharp, None, fx=128 / 800, fy=128 / 800, interpolation=cv2.INTER_AREA)
        enlarged = cv2.resize(small, (1000, 1200), interpolation=cv2.INTER_LINEAR)

        limit = MIN_EDGE_GAIN
        assert edge_gain(sharp, landmarks) > limit
        assert edge_gain(blurred, landmarks) < limit
        assert edge_gain(grainy, landmarks) < limit
        assert edge_gain(enlarged, landmarks) < limit

    def test_a_face_in_a_panorama_is_measured_as_in_any_photo(self):
        picture = np.random.default_rng(2).integers(0, 256, (700, 40_000, 3), np.uint8)
        far, near = face_at(39_300, 350, 600), face_at(300, 350, 600)
        picture[:, :700] = picture[:, 39_000:39_700]
        assert edge_gain(picture, far.landmarks) == pytest.approx(
            edge_gain(picture, near.landmarks), rel=0.02
        )


def reasons_of_real(face: Face) -> list[str]:
    return [reason for _, reason in select([face], PICTURE, RestorationOptions(min_face_px=0))]


@pytest.fixture(scope="module")
def detector(shared: Path) -> RetinaFace:
    return RetinaFace("mobilenet", shared / "weights" / "retinaface_mobilenet0.25.pth", "cpu")


class TestRealPhotos:
    @pytest.mark.parametrize("name", ["gfpgan_00.jpg", "gfpgan_10045.png", "codeformer_00.jpg"])
    def test_all_faces_of_the_degraded_photos_are_restored(self, shared, detector, name):
        image = cv2.imread(str(shared / "photos" / "whole" / name))[..., ::-1].copy()
        faces = detector.find(image)

        assert [reason for _, reason in select(faces, image, RestorationOptions())] == [""] * len(faces)

    @pytest.mark.parametrize("path", ["aligned/codeformer_0500.png", "grey/codeformer_Einstein01.png"])
    def test_an_old_photo_scanned_large_is_restored_all_the_same(self, shared, detector, path):
        image = cv2.imread(str(shared / "photos" / path))[..., ::-1]
        large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        faces = detector.find(large)

        assert faces[0].size > RestorationOptions().max_face_px
        assert select(faces, large, RestorationOptions())[0][1] == ""
