"""Who is blamed when the engine fails, and who waits."""

from __future__ import annotations

import errno
import os
from dataclasses import replace

import pytest

from facewatch.errors import DiskFull
from facewatch.system.fingerprint import Fingerprint
from facewatch.worker.readiness import PROBE_AGAIN_SECONDS
from facewatch.worker.retry_policy import AWAIT_MODEL_SECONDS, NO_ENGINE_SECONDS


def wait(house, seconds):
    house.clock.now += seconds
    house.work()


@pytest.mark.parametrize("window", [1, 3])
def test_one_killer_among_good_photos_is_poison_after_three_attempts(house, window):
    house.window = window
    for number in range(7):
        house.drop(f"{'crash' if number == 2 else 'good'}-{number}.jpg", b"%d" % number)
    house.work()
    for _ in range(3):
        wait(house, 61)
    job = house.ledger.photo(house.inbox_folder / "crash-2.jpg")
    assert (job.state, job.attempts) == ("poison", 3)
    assert house.outputs() == [f"good-{number}.jpg" for number in (0, 1, 3, 4, 5, 6)]
    assert len(house.engines) <= 4
    assert not list(house.output.rglob(".facewatch-*"))


def test_photos_that_were_in_the_engine_when_it_died_go_alone_after_that(house):
    house.window = 3
    for name in ("crash-1.jpg", "a.jpg", "b.jpg"):
        house.drop(name, name.encode())
    house.work()
    assert [house.state(name) for name in ("crash-1.jpg", "a.jpg", "b.jpg")] == ["retry", "done", "done"]
    attempts = [house.ledger.photo(house.inbox_folder / name).attempts for name in ("crash-1.jpg", "a.jpg")]
    assert attempts == [2, 2]


def test_a_dead_device_blames_nobody_and_the_waits_grow(house):
    for number in range(4):
        house.drop(f"device-{number}.jpg", b"%d" % number)
    waits = []
    for _ in range(9):
        house.work()
        held = house.worker._failures._held_until - house.clock.now
        waits.append(held)
        house.clock.now += held
    jobs = [house.ledger.photo(house.inbox_folder / f"device-{number}.jpg") for number in range(4)]
    assert all((job.state, job.attempts) in {("retry", 0), ("queued", 0)} for job in jobs)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert "fell off the bus" in house.ledger.fact("troubles")["engine"]["text"]
    for number in range(4):
        (house.inbox_folder / f"device-{number}.jpg").unlink()
        house.ledger.gone(house.inbox_folder / f"device-{number}.jpg")
    house.drop("good-1.jpg")
    wait(house, 1000)
    assert house.state("good-1.jpg") == "done"
    assert "engine" not in house.ledger.fact("troubles")


def test_a_full_disk_that_no_photo_meets_any_more_is_no_trouble(house, monkeypatch):
    photo = house.drop("a.jpg")

    def full(*_):
        raise DiskFull("the disk is nearly full")

    with monkeypatch.context() as patch:
        patch.setattr("facewatch.worker.prepare.output_folder", full)
        house.work()
        assert "disk" in house.ledger.fact("troubles")
        wait(house, 100)
        assert "disk" in house.ledger.fact("troubles")
    photo.unlink()  # which makes room
    house.ledger.gone(photo)
    house.work()
    assert "disk" in house.ledger.fact("troubles")  # nothing is tried while all wait
    wait(house, 100)
    assert house.ledger.fact("troubles") == {}


def test_an_engine_that_failed_is_shown_until_the_photos_to_be_tried_again_tell(house):
    house.raw["model"] = "codeformer"
    make = house.worker._engine._make
    house.worker._engine._make = lambda setup, seconds: make(replace(setup, model="unloadable"), seconds)
    photo = house.drop("a.jpg")
    house.work()
    place = f"engine for {house.inbox_folder}"
    wait(house, NO_ENGINE_SECONDS / 2)
    assert place in house.ledger.fact("troubles")
    photo.unlink()
    house.ledger.gone(photo)
    house.work()
    assert house.ledger.fact("troubles") == {}


def test_after_a_hold_another_photo_shows_whether_the_engine_is_well(house):
    for number in range(3):
        house.drop(f"crash-{number}.jpg", b"%d" % number)
    house.drop("good-1.jpg", b"good")
    house.work()
    assert house.state("good-1.jpg") == "queued"
    wait(house, 5.1)
    assert house.state("good-1.jpg") == "done"


def test_a_folder_whose_model_cannot_be_loaded_does_not_hold_up_the_others(house):
    other = house.inbox_folder.parent / "other"
    other.mkdir()
    house.raw["folders"] = [
        {**house.raw["folders"][0], "model": "codeformer"},
        {"input": str(other), "output": str(house.output / "other"), "model": "builtin"},
    ]
    house.worker._root_of = lambda path: other if other in path.parents else house.inbox_folder
    make = house.make_engine
    house.worker._engine._make = lambda setup, seconds: make(
        setup if setup.model == "builtin" else type(setup)(**{**vars(setup), "model": "unloadable"}), seconds
    )
    for number in range(3):
        house.drop(f"a-{number}.jpg", b"%d" % number)
    for number in range(3):
        (other / f"b-{number}.jpg").write_bytes(b"b%d" % number)
        house.inbox.put(other / f"b-{number}.jpg")
    house.work()
    assert house.outputs() == ["other/b-0.jpg", "other/b-1.jpg", "other/b-2.jpg"]
    states = [house.ledger.photo(house.inbox_folder / f"a-{number}.jpg").state for number in range(3)]
    assert sorted(states) == ["queued", "queued", "retry"]
    assert "no room" in house.ledger.fact("troubles")[f"engine for {house.inbox_folder}"]["text"]
    house.raw["folders"][0]["model"] = "builtin"
    wait(house, PROBE_AGAIN_SECONDS)
    assert len(house.outputs()) == 6


@pytest.mark.parametrize(
    ("number", "states"),
    [
        (errno.EIO, ["retry"] * 4 + ["parked"]),
        (errno.ESTALE, ["retry"] * 4 + ["parked"]),
        (errno.EACCES, ["parked"] * 5),
    ],
)
def test_a_photo_that_cannot_be_read_right_now_is_tried_again(house, monkeypatch, number, states):
    house.drop("a.jpg")

    def refused(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("facewatch.worker.prepare.sha256_of", refused)
    seen = []
    for seconds in (0, 31, 121, 601, 3601):
        wait(house, seconds)
        seen.append(house.state("a.jpg"))
    assert seen == states
    assert os.strerror(number) in house.ledger.photo(house.inbox_folder / "a.jpg").reason


def test_a_share_that_goes_away_while_the_engine_reads_blames_no_photo(house):
    house.drop("once-share-1-1.jpg")
    house.work()
    assert house.ledger.photo(house.inbox_folder / "once-share-1-1.jpg").error == "Unreadable"
    wait(house, 31)
    assert house.state("once-share-1-1.jpg") == "done"


def test_waiting_for_the_model_of_a_redo_costs_no_attempt(house):
    photo = house.drop("a.jpg")
    house.files.missing = {"codeformer"}
    house.ledger.queue(photo, house.inbox_folder, Fingerprint.of(photo.stat()), {"model": "codeformer"})
    house.work()
    for _ in range(12):
        wait(house, AWAIT_MODEL_SECONDS + 1)
    job = house.ledger.photo(photo)
    assert (job.state, job.attempts) == ("retry", 0)
    assert "is not here yet" in job.reason
    house.files.missing = set()
    wait(house, AWAIT_MODEL_SECONDS + 1)
    assert house.state("a.jpg") == "done"
