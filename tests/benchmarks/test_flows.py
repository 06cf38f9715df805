"""Both sides of a row are given the same, and a measured process answers as it is asked."""

from __future__ import annotations

import io
import json
import sys

import cv2
import numpy as np
import pytest

from facewatch.cli.bench import ours, peers, photos, reference
from facewatch.cli.bench.case import Case, case_of, to_line
from facewatch.cli.bench.child import Child
from facewatch.cli.bench.photos import GROUP, Shot, scaled, with_group
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import serve
from facewatch.errors import FlowFailed, WrongUse
from facewatch.restoration.alignment import crop_upright

RNG = np.random.default_rng(5)


def picture(height=300, width=400):
    coarse = RNG.integers(0, 256, (height // 10, width // 10, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def case(tmp_path):
    """A group's photo and all that the rows take from the run's folder."""
    shot = with_group(picture())
    cv2.imwrite(str(tmp_path / "photo.png"), shot.pixels[:, :, ::-1])
    arrays = {
        "crop": picture(512, 512),
        "restored": picture(512, 512),
        "labels": np.zeros((512, 512), np.uint8),
    }
    arrays["labels"][100:400, 120:380] = 1
    args = {"photo": str(tmp_path / "photo.png"), "upscale": 1}
    for name, array in arrays.items():
        args[name] = str(tmp_path / f"{name}.npy")
        np.save(args[name], array)
    return Case("peers.png", str(tmp_path), "cpu", tuned=False, faces={"300x400": shot.faces}, args=args)


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


def test_our_side_fails_aloud_when_a_face_is_left_out(case):
    twice = Case(**{**vars(case), "faces": {"300x400": [case.faces["300x400"][0]] * 2}})
    repetition, _ = ours.paste(twice, Stopwatch())
    with pytest.raises(FlowFailed, match="restored 1 of the 2 faces"):
        repetition()


def test_a_detector_works_first_and_then_answers_with_the_given_faces(case):
    class Detector:
        seen = None

        def detect_faces(self, image, sure):
            self.seen = image.shape, sure
            return []

    full, small = Detector(), Detector()
    reference.tell_faces(case, full, None)
    reference.tell_faces(case, small, 640)
    rows = np.array(case.faces["300x400"])
    assert np.array_equal(full.detect_faces(np.zeros((300, 400, 3)), 0.97), rows)
    assert full.seen == ((300, 400, 3), 0.97)
    scale = 300 / 640  # by which facexlib multiplies what its detector found
    assert np.allclose(small.detect_faces(np.zeros((640, 853, 3)), 0.97)[:, 5:] * scale, rows[:, 5:])


def test_nothing_is_fetched_while_measuring(case, helper, tmp_path):
    (tmp_path / reference.WEIGHTS / "parsing_parsenet.pth").unlink()
    with pytest.raises(FlowFailed, match="nothing is fetched"):
        reference.helper_of(case, upscale=1)


def test_faces_move_with_the_picture():
    row = [10.0, 20.0, 110.0, 140.0, 0.9, *(float(value) for value in range(30, 40))]
    larger = scaled(Shot(picture(300, 400), [row]), 0.12 * 4)
    assert larger.pixels.shape == (600, 800, 3)
    assert larger.faces[0][:5] == [20.5, 40.5, 220.5, 280.5, 0.9]
    assert larger.faces[0][5:] == [(value + 0.5) * 2 - 0.5 for value in range(30, 40)]


def test_a_run_needs_a_face(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((200, 200, 3), 99, np.uint8))
    sizes = {"small": 0.1, "large": 0.2, "group": 0.1}
    args = {"sources": [str(tmp_path / "grey.png")], "trained": False, "megapixels": sizes}
    with pytest.raises(WrongUse, match="none of the photos shows a face"):
        photos.prepare(Case("", str(tmp_path), "cpu", tuned=False, args=args), Stopwatch())


def test_a_case_survives_the_pipe(case):
    assert case_of(to_line(case)) == case


def test_a_worker_answers_when_it_is_ready_and_then_once_a_line(case):
    answers = io.StringIO()
    serve(io.StringIO(to_line(case) + "again\nagain\n"), answers)
    ready, first, second = map(json.loads, answers.getvalue().splitlines())
    assert first["seconds"]["total"] > 0
    assert first["extra"]["bytes"] == second["extra"]["bytes"] > 1000
    assert ready["extra"] == {}
    assert first["peak_bytes"] > 1_000_000


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit('no room left')", r"exit code 1\); its last words: no room left"),
        ('print(\'{"failed": "RuntimeError: odd"}\')', "failed: RuntimeError: odd"),
    ],
)
def test_a_process_that_fails_is_told_with_its_last_words(case, code, words):
    child = Child(case, [sys.executable, "-c", code])
    with pytest.raises(FlowFailed, match=words):
        child.start()
    child.close()


def test_stages_add_up_and_begin_anew():
    now = iter(range(100))
    watch = Stopwatch(clock=lambda: float(next(now)))

    class Thing:
        def work(self, what):
            return what * 2

    thing = Thing()
    watch.attach(thing, "work", "working")
    assert [thing.work(1), thing.work(2)] == [2, 4]
    assert watch.take() == {"working": 2.0}
    assert watch.take() == {}
