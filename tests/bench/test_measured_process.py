"""Pictures, measured processes and the stopwatch of `facewatch bench`."""

from __future__ import annotations

import io
import json
import sys

import cv2
import numpy as np
import pytest

from facewatch.cli.bench import ours, photos
from facewatch.cli.bench.case import Case, case_of, to_line
from facewatch.cli.bench.photos import Shot, scaled
from facewatch.cli.bench.process import MeasuredProcess
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import serve
from facewatch.errors import FlowFailed, WrongUse
from tests.bench.case_fixture import picture


def test_our_flow_fails_when_it_leaves_a_face_out(case):
    twice = Case(**{**vars(case), "faces": {"300x400": [case.faces["300x400"][0]] * 2}})
    repetition, _ = ours.paste(twice, Stopwatch())
    with pytest.raises(FlowFailed, match="restored 1 of the 2 given faces"):
        repetition()


def test_faces_move_with_the_picture():
    row = [10.0, 20.0, 110.0, 140.0, 0.9, *(float(value) for value in range(30, 40))]
    larger = scaled(Shot(picture(300, 400), [row]), 0.12 * 4)
    assert larger.pixels.shape == (600, 800, 3)
    assert larger.faces[0][:5] == [20.5, 40.5, 220.5, 280.5, 0.9]
    assert larger.faces[0][5:] == [(value + 0.5) * 2 - 0.5 for value in range(30, 40)]


def test_a_run_needs_a_face(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((200, 200, 3), 99, np.uint8))
    sizes = {"small": 0.1, "large": 0.2, "group": 0.1}
    args = {"sources": [str(tmp_path / "grey.png")], "detector": None, "megapixels": sizes}
    with pytest.raises(WrongUse, match="none of the photos shows a face"):
        photos.prepare(Case("", str(tmp_path), "cpu", tuned=False, args=args), Stopwatch())


def test_a_case_survives_the_pipe(case):
    assert case_of(to_line(case)) == case


def test_a_worker_answers_when_it_is_ready_and_then_once_for_each_line(case):
    answers = io.StringIO()
    serve(io.StringIO(to_line(case) + "repeat\nrepeat\n"), answers)
    ready, first, second = map(json.loads, answers.getvalue().splitlines())
    assert first["seconds"]["total"] > 0
    assert first["extra"]["bytes"] == second["extra"]["bytes"] > 1000
    assert ready["extra"] == {}
    assert first["peak_bytes"] > 1_000_000
    assert first["processor_seconds"] > 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit('no room left')", r"exit code 1\); its last line: no room left"),
        ('print(\'{"failed": "RuntimeError: odd"}\')', "failed: RuntimeError: odd"),
    ],
)
def test_a_process_that_fails_is_reported_with_its_last_line(case, code, words):
    process = MeasuredProcess(case, [sys.executable, "-c", code])
    with pytest.raises(FlowFailed, match=words):
        process.start()
    process.close()


def test_stages_add_up_and_start_again_from_zero():
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
