"""Flows of both sides: they are given the same pictures and faces."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import peers, reference
from facewatch.cli.bench import ours, photos
from facewatch.cli.bench.photos import GROUP
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.errors import FlowFailed
from facewatch.restoration.alignment import crop_upright


@pytest.fixture
def helper(monkeypatch, tmp_path, case):
    """facexlib's helper, its two networks left out."""
    module = pytest.importorskip("facexlib.utils.face_restoration_helper")
    for name in ("init_detection_model", "init_parsing_model"):
        monkeypatch.setattr(module, name, lambda *_, **__: None)
    folder = tmp_path / reference.WEIGHTS
    folder.mkdir(parents=True)
    for name in ("detection_Resnet50_Final.pth", "parsing_parsenet.pth"):
        (folder / name).touch()
    monkeypatch.chdir(tmp_path)
    return reference.helper_of(case, upscale=1)


def test_both_sides_cut_the_same_crops_from_the_same_landmarks(case, helper):
    image = photos.read_rgb(case.args["photo"])
    helper.read_image(photos.read_bgr(case.args["photo"]))
    helper.all_landmarks_5 = reference.given_landmarks(case, image.shape)
    helper.align_warp_face()
    mine = [crop_upright(image, face.landmarks)[0] for face in ours.given_faces(case, image.shape)]
    assert len(mine) == len(helper.cropped_faces) == GROUP
    for crop, theirs in zip(mine, helper.cropped_faces, strict=True):
        # float32 landmarks on one side, float64 on the other: a level of rounding here and there
        assert np.abs(crop.astype(int) - theirs[:, :, ::-1]).mean() < 0.1


def test_both_sides_paste_every_face(case, helper):
    for maker in (ours.paste, peers.paste):
        repetition, _ = maker(case, Stopwatch())
        repetition()
        repetition()


def test_a_detector_works_first_and_then_answers_with_the_given_faces(case):
    class Detector:
        seen = None

        def detect_faces(self, image, sure):
            self.seen = image.shape, sure
            return []

    full, small = Detector(), Detector()
    reference.give_faces(case, full, None)
    reference.give_faces(case, small, 640)
    rows = np.array(case.faces["300x400"])
    assert np.array_equal(full.detect_faces(np.zeros((300, 400, 3)), 0.97), rows)
    assert full.seen == ((300, 400, 3), 0.97)
    scale = 300 / 640  # by which facexlib multiplies what its detector found
    assert np.allclose(small.detect_faces(np.zeros((640, 853, 3)), 0.97)[:, 5:] * scale, rows[:, 5:])


def test_nothing_is_downloaded_while_measuring(case, helper, tmp_path):
    (tmp_path / reference.WEIGHTS / "parsing_parsenet.pth").unlink()
    with pytest.raises(FlowFailed, match="nothing is downloaded"):
        reference.helper_of(case, upscale=1)
