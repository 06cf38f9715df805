"""The queue: photos in, and the choice of the next."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from facewatch.system.fingerprint import Fingerprint, Settled
from tests.state.ledger.photos import PHOTO, ROOT, SEEN, SEEN_LATER, finish, started, state


def test_a_file_is_queued_once(ledger):
    assert ledger.queue(PHOTO, ROOT, SEEN)
    assert not ledger.queue(PHOTO, ROOT, SEEN)
    assert ledger.queue_many([(ROOT, Settled(PHOTO, SEEN)), (ROOT, Settled(ROOT / "b.jpg", SEEN))]) == 1
    assert ledger.waiting() == 2


def test_a_changed_file_is_queued_again_with_no_attempts_counted(ledger):
    job = started(ledger)
    ledger.park(job, "broken", "BadPhoto")
    assert not ledger.queue(PHOTO, ROOT, SEEN)
    assert ledger.queue(PHOTO, ROOT, SEEN_LATER)
    again = ledger.next([ROOT])
    assert again is not None
    assert (again.state, again.attempts, again.fingerprint) == ("queued", 0, SEEN_LATER)


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="names there are text")
def test_paths_are_kept_byte_for_byte(ledger):
    names = [b"/photos/caf\xc3\xa9.jpg", b"/photos/cafe\xcc\x81.jpg", b"/photos/\xff\xfe \n.jpg"]
    for name in names:
        ledger.queue(Path(os.fsdecode(name)), ROOT, SEEN)
    assert ledger.waiting() == 3
    first = ledger.next([ROOT])
    assert first is not None
    assert os.fsencode(first.path) == names[0]
    assert ledger.photo(Path(os.fsdecode(names[2]))) is not None


def test_inodes_and_times_larger_than_64_bits_are_kept(ledger):
    huge = Fingerprint(2**127, 2**62, 2**64, 2**65)
    ledger.queue(PHOTO, ROOT, huge)
    job = ledger.photo(PHOTO)
    assert job is not None
    assert job.fingerprint == huge
    assert not ledger.queue(PHOTO, ROOT, huge)


def test_a_deleted_file_is_gone_until_it_comes_back(ledger):
    ledger.queue(PHOTO, ROOT, SEEN)
    assert ledger.gone(PHOTO)
    assert ledger.next([ROOT]) is None
    assert ledger.queue(PHOTO, ROOT, SEEN)
    assert state(ledger) == "queued"


def test_the_photos_of_a_deleted_folder_are_gone(ledger):
    inside = [ROOT / "trip" / name for name in ("a.jpg", "x/b.jpg")]
    outside = [ROOT / name for name in ("trip.jpg", "trip2/c.jpg", "trio/d.jpg")]
    for path in (*inside, *outside):
        ledger.queue(path, ROOT, SEEN)
    assert sorted(ledger.gone(ROOT / "trip")) == sorted(inside)
    assert [state(ledger, path) for path in inside] == ["gone"] * 2
    assert [state(ledger, path) for path in outside] == ["queued"] * 3
    assert not ledger.gone(ROOT / "trip")


def test_a_deletion_does_not_touch_photos_in_work_or_finished(ledger):
    started(ledger)
    finish(ledger, ROOT / "b.jpg")
    assert not ledger.gone(PHOTO)
    assert not ledger.gone(ROOT / "b.jpg")
    assert (state(ledger), state(ledger, ROOT / "b.jpg")) == ("running", "done")


def test_a_photo_moves_with_its_root_when_the_settings_change(ledger):
    ledger.queue(PHOTO, ROOT, SEEN)
    assert not ledger.queue(PHOTO, Path("/"), SEEN)
    assert ledger.next([ROOT]) is None
    assert ledger.next([Path("/")]) is not None


def test_a_hundred_thousand_files_are_queued_in_seconds_and_known_again_faster(ledger):
    files = [Settled(ROOT / f"{number}.jpg", Fingerprint(number, 1, 1, 1)) for number in range(100_000)]
    batches = [[(ROOT, one) for one in files[first : first + 1000]] for first in range(0, 100_000, 1000)]
    began = time.perf_counter()
    assert sum(map(ledger.queue_many, batches)) == 100_000
    queued = time.perf_counter()
    assert sum(map(ledger.queue_many, batches)) == 0
    known = time.perf_counter()
    first = ledger.next([ROOT])
    assert first is not None
    assert first.path == ROOT / "0.jpg"
    chosen = time.perf_counter()
    assert queued - began < 30
    assert known - queued < 15
    assert chosen - known < 0.5


def test_the_oldest_photo_of_the_available_folders_comes_first(ledger):
    away = Path("/usb")
    ledger.queue(away / "1.jpg", away, SEEN)
    ledger.queue(ROOT / "2.jpg", ROOT, SEEN)
    ledger.queue(ROOT / "1.jpg", ROOT, SEEN)
    job = ledger.next([ROOT])
    assert job is not None
    assert job.path == ROOT / "2.jpg"
    assert ledger.next([]) is None
    both = ledger.next([ROOT, away])
    assert both is not None
    assert both.path == away / "1.jpg"


def test_a_redo_comes_before_the_backlog_whatever_the_photos_state(ledger):
    finish(ledger)
    ledger.queue(ROOT / "b.jpg", ROOT, SEEN)
    assert ledger.queue(PHOTO, ROOT, SEEN, wishes={"model": "codeformer"})
    job = ledger.next([ROOT])
    assert job is not None
    assert (job.path, job.wishes) == (PHOTO, {"model": "codeformer"})
    assert not ledger.same_content(job, "content")


@pytest.mark.parametrize("under_way", ["queued", "running", "lost", "retry"])
def test_a_redo_survives_a_change_of_its_file(ledger, under_way):
    finish(ledger)
    ledger.queue(ROOT / "b.jpg", ROOT, SEEN)
    ledger.queue(PHOTO, ROOT, SEEN, wishes={"weight": 0.7})
    job = ledger.next([ROOT])
    if under_way != "queued":
        job = ledger.start(job)
    if under_way == "lost":
        ledger.lost(job, "changed")
    if under_way == "retry":
        ledger.retry(job, "later", "EngineFailed", after_seconds=600)
    assert ledger.queue(PHOTO, ROOT, SEEN_LATER)
    again = ledger.next([ROOT])
    assert (again.path, again.wishes) == (PHOTO, {"weight": 0.7})


def test_a_redo_ends_with_its_copy_or_with_its_photo(ledger):
    for end in (lambda job: ledger.done(job, None), lambda job: ledger.give_back(job) and ledger.gone(PHOTO)):
        ledger.queue(PHOTO, ROOT, SEEN, wishes={"weight": 0.7})
        assert end(ledger.start(ledger.next([ROOT])))
        ledger.queue(PHOTO, ROOT, SEEN_LATER)
        assert ledger.photo(PHOTO).wishes is None


def test_a_retry_waits_for_its_delay(ledger, now):
    job = started(ledger)
    ledger.retry(job, "truncated", "TruncatedPhoto", after_seconds=30)
    assert ledger.next([ROOT]) is None
    assert ledger.seconds_to_retry() == 30
    now.time += 30
    assert ledger.seconds_to_retry() == 0
    again = ledger.next([ROOT])
    assert again is not None
    assert (again.state, again.attempts, again.error) == ("retry", 1, "TruncatedPhoto")


def test_a_clock_put_back_does_not_delay_a_retry_for_a_day(ledger, now):
    job = started(ledger)
    ledger.retry(job, "truncated", "TruncatedPhoto", after_seconds=30)
    now.time -= 86_400
    assert ledger.next([ROOT]) is not None
    assert ledger.seconds_to_retry() == 0


def test_failed_photos_are_queued_again_on_request(ledger):
    for number, end in enumerate(("park", "poison")):
        job = started(ledger, ROOT / f"{number}.jpg")
        ledger.record_hash(job, f"content {number}", "recipe")
        getattr(ledger, end)(job, reason="broken", error="BadPhoto")
    ledger.retry(started(ledger, ROOT / "2.jpg"), "later", "EngineFailed", after_seconds=600)
    assert [job.state for job in ledger.failed()] == ["poison", "parked"]
    assert ledger.requeue_failed() == 3
    assert ledger.counts()["queued"] == 3
    job = ledger.next([ROOT])
    assert job is not None
    assert job.attempts == 0
    assert not ledger.same_content(job, "content 0")


def test_one_failed_photo_is_queued_again_and_the_others_are_not(ledger):
    names = [ROOT / "a.jpg", ROOT / "b.jpg"]
    for name in names:
        ledger.park(started(ledger, name), "no photo", "BadPhoto")
    assert ledger.requeue(names[1]) == 1
    assert [ledger.photo(name).state for name in names] == ["parked", "queued"]
    assert ledger.requeue(names[1]) == 0
