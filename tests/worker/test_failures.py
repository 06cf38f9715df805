"""The photos that are blamed when the engine fails, and those that wait."""

from __future__ import annotations

import errno
import os
from dataclasses import replace

import pytest

from facewatch.errors import DiskFull
from facewatch.system.atomic import unreadable_photo
from facewatch.system.fingerprint import Fingerprint
from facewatch.worker import prepare
from facewatch.worker.readiness import PROBE_AGAIN_SECONDS
from facewatch.worker.retry_policy import MODEL_WAIT_SECONDS, NO_ENGINE_SECONDS, ROOM_WAIT_SECONDS


def wait(harness, seconds):
    harness.clock.now += seconds
    harness.work()


@pytest.mark.parametrize("window", [1, 3])
def test_one_photo_that_crashes_the_engine_is_poison_after_three_attempts(harness, window):
    harness.window = window
    for number in range(7):
        harness.drop(f"{'crash' if number == 2 else 'good'}-{number}.jpg", b"%d" % number)
    harness.work()
    for _ in range(3):
        wait(harness, 61)
    job = harness.ledger.photo(harness.inbox_folder / "crash-2.jpg")
    assert (job.state, job.attempts) == ("poison", 3)
    assert harness.outputs() == [f"good-{number}.jpg" for number in (0, 1, 3, 4, 5, 6)]
    assert len(harness.engines) <= 4
    assert not list(harness.output.rglob(".facewatch-*"))


def test_photos_that_were_in_the_engine_when_it_died_go_alone_after_that(harness):
    harness.window = 3
    for name in ("crash-1.jpg", "a.jpg", "b.jpg"):
        harness.drop(name, name.encode())
    harness.work()
    assert [harness.state(name) for name in ("crash-1.jpg", "a.jpg", "b.jpg")] == ["retry", "done", "done"]
    attempts = [
        harness.ledger.photo(harness.inbox_folder / name).attempts for name in ("crash-1.jpg", "a.jpg")
    ]
    assert attempts == [2, 2]


def test_a_dead_device_blames_no_photo_and_the_waits_grow(harness):
    for number in range(4):
        harness.drop(f"device-{number}.jpg", b"%d" % number)
    waits = []
    for _ in range(9):
        harness.work()
        held = harness.worker._failures._held_until - harness.clock.now
        waits.append(held)
        harness.clock.now += held
    jobs = [harness.ledger.photo(harness.inbox_folder / f"device-{number}.jpg") for number in range(4)]
    assert all((job.state, job.attempts) in {("retry", 0), ("queued", 0)} for job in jobs)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert "fell off the bus" in harness.ledger.fact("troubles")["engine"]["text"]
    for number in range(4):
        (harness.inbox_folder / f"device-{number}.jpg").unlink()
        harness.ledger.gone(harness.inbox_folder / f"device-{number}.jpg")
    harness.drop("good-1.jpg")
    wait(harness, 1000)
    assert harness.state("good-1.jpg") == "done"
    assert "engine" not in harness.ledger.fact("troubles")


def test_a_photo_that_needs_more_room_than_there_is_waits_alone(harness, monkeypatch):
    make_room = prepare.output_folder

    def too_small(source, *rest):
        if source.name == "large.jpg":
            raise DiskFull("the copy needs 9 GB")
        return make_room(source, *rest)

    monkeypatch.setattr(prepare, "output_folder", too_small)
    harness.drop("large.jpg", b"large")
    for number in range(3):
        harness.drop(f"{number}.jpg", b"%d" % number)
        harness.work()
        assert harness.state(f"{number}.jpg") == "done"
        wait(harness, 2 * ROOM_WAIT_SECONDS)
    (waiting,) = harness.ledger.retrying()
    assert (waiting.path.name, waiting.reason, waiting.attempts) == ("large.jpg", "the copy needs 9 GB", 0)
    assert "disk" not in (harness.ledger.fact("troubles") or {})
    monkeypatch.undo()
    wait(harness, 2 * ROOM_WAIT_SECONDS)
    assert harness.state("large.jpg") == "done"


def test_two_photos_that_are_too_large_do_not_keep_the_others_waiting(harness, monkeypatch):
    make_room = prepare.output_folder

    def too_small(source, *rest):
        if source.name.startswith("large"):
            raise DiskFull("the copy needs 9 GB")
        return make_room(source, *rest)

    monkeypatch.setattr(prepare, "output_folder", too_small)
    for name in ("large-1.jpg", "large-2.jpg", "small.jpg"):
        harness.drop(name, name.encode())
    for _ in range(20):
        harness.work()
        harness.clock.now += 1
    assert harness.state("small.jpg") == "done"


def test_the_alert_about_a_full_disk_ends_when_no_photo_meets_it(harness, monkeypatch):
    photos = [harness.drop(name, name.encode()) for name in ("a.jpg", "b.jpg")]

    def full(*_):
        raise DiskFull("the disk is nearly full")

    with monkeypatch.context() as patch:
        patch.setattr("facewatch.worker.prepare.output_folder", full)
        harness.work()
        assert "disk" in harness.ledger.fact("troubles")
        wait(harness, 100)
        assert "disk" in harness.ledger.fact("troubles")
    for photo in photos:
        photo.unlink()  # which makes room
        harness.ledger.gone(photo)
    harness.work()
    assert "disk" in harness.ledger.fact("troubles")  # nothing is tried while all wait
    wait(harness, 100)
    assert harness.ledger.fact("troubles") == {}


def test_a_failed_engine_is_shown_while_photos_are_due_for_retry(harness):
    harness.raw["model"] = "codeformer"
    make = harness.worker._engine._make
    harness.worker._engine._make = lambda setup, seconds: make(replace(setup, model="unloadable"), seconds)
    photo = harness.drop("a.jpg")
    harness.work()
    place = f"engine for {harness.inbox_folder}"
    wait(harness, NO_ENGINE_SECONDS / 2)
    assert place in harness.ledger.fact("troubles")
    photo.unlink()
    harness.ledger.gone(photo)
    harness.work()
    assert harness.ledger.fact("troubles") == {}


def test_after_a_hold_another_photo_shows_whether_the_engine_has_recovered(harness):
    for number in range(3):
        harness.drop(f"crash-{number}.jpg", b"%d" % number)
    harness.drop("good-1.jpg", b"good")
    harness.work()
    assert harness.state("good-1.jpg") == "queued"
    wait(harness, 5.1)
    assert harness.state("good-1.jpg") == "done"


def test_a_folder_whose_model_cannot_be_loaded_does_not_delay_the_others(harness):
    other = harness.inbox_folder.parent / "other"
    other.mkdir()
    harness.raw["folders"] = [
        {**harness.raw["folders"][0], "model": "codeformer"},
        {"input": str(other), "output": str(harness.output / "other"), "model": "builtin"},
    ]
    make = harness.make_engine
    harness.worker._engine._make = lambda setup, seconds: make(
        setup if setup.model == "builtin" else type(setup)(**{**vars(setup), "model": "unloadable"}), seconds
    )
    for number in range(3):
        harness.drop(f"a-{number}.jpg", b"%d" % number)
    for number in range(3):
        (other / f"b-{number}.jpg").write_bytes(b"b%d" % number)
        harness.inbox.put(other, other / f"b-{number}.jpg")
    harness.work()
    assert harness.outputs() == ["other/b-0.jpg", "other/b-1.jpg", "other/b-2.jpg"]
    states = [harness.ledger.photo(harness.inbox_folder / f"a-{number}.jpg").state for number in range(3)]
    assert sorted(states) == ["queued", "queued", "retry"]
    assert "no room" in harness.ledger.fact("troubles")[f"engine for {harness.inbox_folder}"]["text"]
    harness.raw["folders"][0]["model"] = "builtin"
    wait(harness, PROBE_AGAIN_SECONDS)
    assert len(harness.outputs()) == 6


@pytest.mark.parametrize(
    ("number", "states"),
    [
        (errno.EIO, ["retry"] * 4 + ["parked"]),
        (errno.ESTALE, ["retry"] * 4 + ["parked"]),
        (errno.EACCES, ["parked"] * 5),
    ],
)
def test_a_photo_that_cannot_be_read_right_now_is_tried_again(harness, monkeypatch, number, states):
    harness.drop("a.jpg")

    def refused(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("facewatch.engine.source.digest_opened", refused)
    seen = []
    for seconds in (0, 31, 121, 601, 3601):
        wait(harness, seconds)
        seen.append(harness.state("a.jpg"))
    assert seen == states
    assert os.strerror(number) in harness.ledger.photo(harness.inbox_folder / "a.jpg").reason


def test_a_share_that_vanishes_while_the_engine_reads_blames_no_photo(harness):
    harness.drop("once-share-1-1.jpg")
    harness.work()
    assert harness.ledger.photo(harness.inbox_folder / "once-share-1-1.jpg").error == "Unreadable"
    wait(harness, 31)
    assert harness.state("once-share-1-1.jpg") == "done"


def test_waiting_for_the_model_of_a_redo_costs_no_attempt(harness):
    photo = harness.drop("a.jpg")
    harness.files.missing = {"codeformer"}
    harness.ledger.queue(photo, harness.inbox_folder, Fingerprint.of(photo.stat()), {"model": "codeformer"})
    harness.work()
    for _ in range(12):
        wait(harness, MODEL_WAIT_SECONDS + 1)
    job = harness.ledger.photo(photo)
    assert (job.state, job.attempts) == ("retry", 0)
    assert "is not downloaded yet" in job.reason
    harness.files.missing = set()
    wait(harness, MODEL_WAIT_SECONDS + 1)
    assert harness.state("a.jpg") == "done"


def test_a_photo_that_hangs_the_engine_waits_until_all_others_have_had_their_turn(harness):
    harness.raw["engine"] = {"timeout_seconds": 0.5}
    harness.drop("hang-1.jpg", b"hang")
    for number in range(3):
        harness.drop(f"good-{number}.jpg", b"%d" % number)
    for _ in range(20):  # until the first hang has ended its engine
        harness.worker.turn()
        job = harness.ledger.photo(harness.inbox_folder / "hang-1.jpg")
        if job is not None and job.state == "retry":
            break
    harness.clock.now += 100  # its retry is due, and it would hang again
    harness.worker.turn()
    while len(harness.outputs()) < 3:
        assert harness.state("hang-1.jpg") == "retry"
        harness.worker.turn()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_photo_that_finds_no_file_handle_waits_alone_and_is_never_given_up(harness, monkeypatch, number):
    opened = prepare.hash_source

    def refuse(source, *rest):
        if source.name == "a.jpg" and not harness.enough:
            raise unreadable_photo(OSError(number, os.strerror(number)))
        return opened(source, *rest)

    harness.enough = False
    monkeypatch.setattr(prepare, "hash_source", refuse)
    harness.drop("a.jpg", b"a")
    harness.drop("b.jpg", b"b")
    harness.work()
    for _ in range(9):
        wait(harness, ROOM_WAIT_SECONDS + 1)
    job = harness.ledger.photo(harness.inbox_folder / "a.jpg")
    assert (job.state, job.attempts, harness.state("b.jpg")) == ("retry", 0, "done")
    assert "too many files are open" in job.reason
    harness.enough = True
    wait(harness, ROOM_WAIT_SECONDS + 1)
    assert harness.state("a.jpg") == "done"
