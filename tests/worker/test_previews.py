"""Previews of one face, drawn between two photos."""

from __future__ import annotations

import json

import pytest

from facewatch.restoration.face_preview import JUDGED
from facewatch.restoration.options import FaceChoice
from facewatch.state.requests import Request

BOX = (0.0, 0.0, 9.0, 9.0)


def ask(harness, path, model="builtin", name="0" * 16):
    faces = (FaceChoice(BOX, 0.0),)
    harness.worker.previews.ask(Request("preview", path, model, faces=faces, preview=name))


@pytest.fixture
def photo(harness):
    path = harness.drop("a.jpg")
    harness.work()
    return path


def test_a_preview_is_drawn_and_changes_nothing(harness, photo):
    before = harness.ledger.photo(photo)
    ask(harness, photo, "codeformer")
    assert harness.worker.has_work()
    harness.work()
    order = harness.orders[-1]
    assert (order.source, order.faces[0].box) == (str(photo), BOX)
    assert order.previews == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert harness.engines[-1].setup.model == "codeformer"
    assert sorted(file.name for file in harness.previews.iterdir()) == [
        f"{'0' * 16}.{it}" for it in ("jpg", "json")
    ]
    said = json.loads((harness.previews / f"{'0' * 16}.json").read_text("utf-8"))
    assert (said["error"], said["protects"]) == ("", True)
    assert isinstance(said["judged"], list)
    assert harness.ledger.photo(photo) == before
    assert harness.outputs() == ["a.jpg"]


def test_a_model_that_blends_is_drawn_once(harness, photo):
    ask(harness, photo)
    harness.work()
    assert harness.orders[-1].previews == [0.0]


def test_a_model_that_makes_up_people_is_drawn_at_every_weight_that_the_gate_judges(harness, photo):
    ask(harness, photo, "pulse")
    harness.work()
    assert harness.orders[-1].previews == list(JUDGED)


def test_a_preview_comes_before_the_photos_that_wait(harness, photo):
    for name in "bcd":
        harness.drop(f"{name}.jpg", name.encode())
    ask(harness, photo)
    harness.work()
    assert [bool(order.previews) for order in harness.orders] == [False, True, False, False, False]


@pytest.mark.parametrize(("name", "words"), [("cut.jpg", "ends early"), ("crash.jpg", "out of luck")])
def test_a_preview_that_fails_says_why_and_photos_go_on(harness, name, words):
    path = harness.drop("a.jpg")
    harness.work()
    moved = path.rename(path.with_name(name))
    harness.ledger.queue(moved, harness.inbox_folder, harness.ledger.photo(path).fingerprint)
    ask(harness, moved)
    harness.worker.turn()
    answer = json.loads((harness.previews / f"{'0' * 16}.json").read_text("utf-8"))
    assert words in answer["error"]
    harness.drop("b.jpg", b"b")
    harness.work()
    assert harness.state("b.jpg") == "done"


def test_a_photo_that_is_not_known_gets_no_preview(harness, tmp_path):
    ask(harness, tmp_path / "unknown.jpg")
    harness.work()
    assert "not in facewatch's list" in (harness.previews / f"{'0' * 16}.json").read_text("utf-8")


def test_only_the_last_few_that_were_asked_for_are_drawn(harness, photo):
    for number in range(20):
        ask(harness, photo, name=f"{number:016x}")
    harness.work()
    names = sorted(file.stem for file in harness.previews.glob("*.jpg"))
    assert names == [f"{number:016x}" for number in range(12, 20)]
