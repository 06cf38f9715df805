"""Outcomes of photos, and their counts from a ledger."""

from __future__ import annotations

import time

import pytest

from facewatch.settings.schema import Settings
from facewatch.state.ledger import Ledger, LedgerView
from facewatch.state.outcomes import (
    OutcomeCounter,
    format_outcomes,
    outcome_of_faces,
    outcome_of_failure,
)
from facewatch.state.status import read_status
from facewatch.system.paths import Places
from tests.tray.photos import fail, finish, queue

RESTORED, KEPT = {"fate": "restored", "reason": ""}, {"fate": "kept", "reason": "already sharp (600 px)"}


@pytest.mark.parametrize(
    ("faces", "outcome"),
    [
        ([], "without faces"),
        ([RESTORED], "restored"),
        ([RESTORED, KEPT], "partly restored"),
        ([KEPT, KEPT], "unchanged"),
        ([RESTORED, {"fate": "kept", "reason": "inside another face"}], "restored"),
    ],
)
def test_a_photo_counts_by_what_became_of_its_faces(faces, outcome):
    assert outcome_of_faces(faces) == outcome


@pytest.mark.parametrize(
    ("error", "reason", "outcome"),
    [
        ("BadPhoto", "the file is not a JPEG, PNG, WebP, TIFF, BMP, HEIC or AVIF picture", "not supported"),
        ("BadPhoto", "the PNG file is animated; only single pictures are restored", "not supported"),
        ("PhotoTooLarge", "the picture has 30000 x 30000 pixels", "not supported"),
        ("BadPhoto", "the PNG file is damaged", "failed"),
        ("EngineFailed", "the engine died", "failed"),
    ],
)
def test_a_file_of_another_kind_is_told_from_a_failure(error, reason, outcome):
    assert outcome_of_failure(error, reason) == outcome


@pytest.fixture
def ledger(tmp_path):
    (tmp_path / "state").mkdir()
    with_writer = Ledger.open(Places.under(tmp_path).ledger)
    yield with_writer
    with_writer.close()


def test_each_outcome_is_counted_apart_and_a_redo_counts_once(ledger, tmp_path):
    counter, view = OutcomeCounter(), LedgerView(ledger.file)

    def counts() -> str:
        states = view.counts()
        return format_outcomes(counter.count(view, states["done"] + states["no_faces"], None))

    names = [tmp_path / f"{number}.jpg" for number in range(4)]
    for photo in names:
        queue(ledger, photo)
    assert counts() == ""
    finish(ledger, names[0], tmp_path / "a", ["restored"])
    assert counts() == "1 restored"
    finish(ledger, names[1], tmp_path / "b", ["kept"])
    finish(ledger, names[2], tmp_path / "c", ["kept", "restored"])
    fail(ledger, names[3], "the picture is damaged")
    assert counts() == "1 restored, 1 partly restored, 1 unchanged, 1 failed"
    job = ledger.photo(names[0])
    ledger.queue(job.path, job.folder, job.fingerprint, {"weight": 0.5})
    assert counts() == "1 partly restored, 1 unchanged, 1 failed"
    finish(ledger, names[0], tmp_path / "a", ["kept"])
    assert counts() == "1 partly restored, 2 unchanged, 1 failed"


def test_a_batch_shows_how_many_are_through_and_the_time_left(ledger, tmp_path, monkeypatch):
    places = Places.under(tmp_path)
    monkeypatch.setattr("facewatch.state.status.running_pid", lambda _: 77)
    monkeypatch.setattr("facewatch.state.status.time.time", lambda: began + 100.0)
    names = [tmp_path / f"{number}.jpg" for number in range(5)]
    for photo in names:
        queue(ledger, photo)
    began = ledger.photo(names[0]).changed
    ledger.note("batch", {"began": began, "idle": False, "idle_seconds": 20.0})
    finish(ledger, names[0], tmp_path / "a")
    fail(ledger, names[1], "the picture is damaged")
    now = read_status(places, Settings())
    assert now.progress == {"done": 2, "total": 5, "seconds_left": 120.0}
    ledger.note("batch", {"began": began, "idle": True, "idle_seconds": 20.0})
    assert read_status(places, Settings()).progress["seconds_left"] is None


def test_photos_that_wait_for_another_try_are_no_part_of_a_later_batch(ledger, tmp_path, monkeypatch):
    places = Places.under(tmp_path)
    monkeypatch.setattr("facewatch.state.status.running_pid", lambda _: 77)
    for name in ("cut.jpg", "cut too.jpg"):
        queue(ledger, tmp_path / name)
        ledger.retry(ledger.start(ledger.photo(tmp_path / name)), "incomplete", "TruncatedPhoto", 3600)
    ledger.note("batch", {"began": time.time(), "idle": False, "idle_seconds": 0.0})
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        queue(ledger, tmp_path / name)

    def progress():
        now = read_status(places, Settings()).progress
        return now and (now["done"], now["total"])

    assert progress() == (0, 3)
    finish(ledger, tmp_path / "a.jpg", tmp_path / "a")
    assert progress() == (1, 3)
    ledger.retry(ledger.start(ledger.photo(tmp_path / "b.jpg")), "incomplete", "TruncatedPhoto", 3600)
    assert progress() == (2, 3)
    finish(ledger, tmp_path / "c.jpg", tmp_path / "c")
    assert progress() is None
