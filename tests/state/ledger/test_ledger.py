"""The steps of a job."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from facewatch.state.ledger import Job, Ledger
from facewatch.system.fingerprint import Fingerprint
from tests.state.ledger.photos import PHOTO, ROOT, SEEN, SEEN_LATER, finish, started, state


def test_an_attempt_counts_before_the_work_and_survives_a_crash(file, now):
    first = Ledger(file, now)
    started(first)
    first.close()
    second = Ledger(file, now)
    interrupted = second.interrupted()
    assert [(job.state, job.attempts) for job in interrupted] == [("running", 1)]
    assert second.give_back(interrupted[0])
    job = second.next([ROOT])
    assert job is not None
    assert job.attempts == 0
    second.close()


def test_an_unfinished_commit_is_found_after_a_crash(file, now):
    first = Ledger(file, now)
    job = started(first)
    first.record_hash(job, "content", "recipe")
    first.committing(job, Path("/out/a.jpg"), "restored", Path("/out/.facewatch-1"))
    first.close()
    second = Ledger(file, now)
    (left,) = second.interrupted()
    assert (left.state, left.output, left.output_sha256, left.temporary) == (
        "committing",
        Path("/out/a.jpg"),
        "restored",
        Path("/out/.facewatch-1"),
    )
    assert second.done(left, None)
    second.close()


def test_a_finished_photo_keeps_its_report(ledger):
    finish(ledger)
    (job,) = ledger.recent()
    assert (job.state, job.report, job.output) == ("done", {"faces": 2}, Path("/out/a.jpg"))
    assert job.temporary is None
    assert ledger.failed() == []


def test_a_photo_that_is_no_longer_waiting_cannot_be_started(ledger):
    ledger.queue(PHOTO, ROOT, SEEN)
    job = ledger.next([ROOT])
    assert job is not None
    ledger.gone(PHOTO)
    assert ledger.start(job) is None


def test_a_stale_result_is_never_committed(ledger):
    job = started(ledger)
    ledger.record_hash(job, "content", "recipe")
    ledger.queue(PHOTO, ROOT, SEEN_LATER)
    assert not ledger.committing(job, Path("/out/a.jpg"), "restored", Path("/out/.facewatch-1"))
    assert not ledger.done(job, None)
    assert not ledger.park(job, "broken", "BadPhoto")
    assert state(ledger) == "queued"


@pytest.mark.parametrize("end", ["done", "no_faces", "parked"])
def test_a_file_that_only_looks_new_returns_to_its_old_end_state(ledger, end):
    job = started(ledger)
    ledger.record_hash(job, "content", "recipe")
    if end in {"done", "no_faces"}:
        ledger.committing(job, Path("/out/a.jpg"), "restored", Path("/out/.facewatch-1"))
        getattr(ledger, end)(job, {"faces": 0})
    else:
        getattr(ledger, end.replace("parked", "park"))(job, "broken", "BadPhoto")
    touched = started(ledger, seen=SEEN_LATER)
    assert not ledger.same_content(touched, "other content")
    assert ledger.same_content(touched, "content")
    assert state(ledger) == end


@pytest.mark.parametrize(
    ("end", "error"),
    [("park", "CannotWrite"), ("park", "PhotoTooLarge"), ("poison", "EngineFailed"), ("poison", "")],
)
def test_a_photo_dropped_again_is_tried_again_unless_it_was_its_own_fault(ledger, end, error):
    job = started(ledger)
    ledger.record_hash(job, "content", "recipe")
    getattr(ledger, end)(job, "the cause may be fixed", error)
    ledger.gone(PHOTO)
    assert not ledger.same_content(started(ledger, seen=SEEN_LATER), "content")


def test_a_failure_before_hashing_does_not_count_against_the_content(ledger):
    finish(ledger)
    locked = started(ledger, seen=SEEN_LATER)
    ledger.park(locked, "no permission", "BadPhoto")
    again = started(ledger, seen=Fingerprint(1, 2, 3, 99))
    assert not ledger.same_content(again, "content")


@pytest.mark.parametrize("end", ["park", "poison", "skipped", "retry", "lost"])
def test_a_reason_with_a_name_that_is_not_utf8_stays_readable(ledger, end):
    job = started(ledger)
    rest = {"park": ["CannotWrite"], "poison": ["CannotWrite"], "retry": ["CannotWrite", 0.0]}
    assert getattr(ledger, end)(job, "/out/caf\udce9 is in the way", *rest.get(end, []))
    assert ledger.photo(PHOTO).reason == r"/out/caf\udce9 is in the way"


def test_a_file_that_vanished_or_changed_while_it_was_read_waits_to_be_found_again(ledger):
    job = started(ledger)
    assert ledger.lost(job, "changed while it was read")
    assert ledger.next([ROOT]) is None
    assert ledger.queue(PHOTO, ROOT, SEEN)


def test_the_same_photo_by_the_same_recipe_is_a_duplicate(ledger):
    finish(ledger)
    duplicate = ledger.finished_duplicate("content", "recipe")
    assert duplicate is not None
    assert (duplicate.output, duplicate.output_sha256, duplicate.report) == (
        Path("/out/a.jpg"),
        "restored",
        {"faces": 2},
    )
    assert ledger.finished_duplicate("content", "other recipe") is None
    assert ledger.finished_duplicate("other content", "recipe") is None


def copied(ledger, photo: Path, output: Path) -> Job:
    """Return a finished job whose photo exists."""
    photo.parent.mkdir(exist_ok=True)
    photo.write_bytes(b"photo")
    job = started(ledger, photo)
    ledger.record_hash(job, "content", "recipe")
    assert ledger.committing(job, output, "restored", None)
    assert ledger.done(job, None)
    return job


def test_a_copy_belongs_to_its_photo_while_that_exists(ledger, tmp_path):
    output = tmp_path / "out.jpg"
    copied(ledger, tmp_path / "in" / "a.jpg", output)
    other = started(ledger, tmp_path / "in" / "a.png")
    assert ledger.claimed(output, other)
    (tmp_path / "in" / "a.jpg").unlink()
    assert not ledger.claimed(output, other)


@pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make symlinks")
def test_a_folder_spelled_differently_or_renamed_keeps_its_copies(ledger, tmp_path):
    output = tmp_path / "out.jpg"
    copied(ledger, tmp_path / "in" / "a.jpg", output)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert not ledger.claimed(output, started(ledger, tmp_path / "link" / "a.jpg"))
    os.link(tmp_path / "in" / "a.jpg", tmp_path / "in" / "a.png")
    assert ledger.claimed(output, started(ledger, tmp_path / "in" / "a.png"))
    (tmp_path / "in").rename(tmp_path / "photos")
    assert not ledger.claimed(output, started(ledger, tmp_path / "photos" / "a.jpg"))


def test_a_copy_taken_over_no_longer_belongs_to_its_first_photo(ledger, tmp_path):
    output, first = tmp_path / "out.jpg", tmp_path / "in" / "a.jpg"
    copied(ledger, first, output)
    first.unlink()
    second = copied(ledger, tmp_path / "in" / "a.png", output)
    assert [state(ledger, path) for path in (first, second.path)] == ["gone", "done"]
    first.write_bytes(b"photo")
    again = started(ledger, first)
    assert not ledger.same_content(again, "content")
    assert ledger.claimed(output, again)


def test_our_own_output_is_recognised_anywhere(ledger):
    finish(ledger)
    assert ledger.is_output("restored", ROOT / "moved here.jpg")
    assert not ledger.is_output("content", PHOTO)


def test_an_output_is_recognised_even_if_its_commit_was_interrupted(ledger):
    job = started(ledger)
    ledger.record_hash(job, "content", "recipe")
    ledger.committing(job, Path("/out/a.jpg"), "restored", Path("/out/.facewatch-1"))
    assert ledger.is_output("restored", Path("/out/a.jpg"))


def test_a_photo_copied_unchanged_does_not_make_its_original_our_output(ledger):
    job = started(ledger)
    ledger.record_hash(job, "content", "recipe")
    ledger.committing(job, Path("/out/a.jpg"), "content", Path("/out/.facewatch-1"))
    ledger.no_faces(job, {"faces": 0})
    assert not ledger.is_output("content", ROOT / "a second copy.jpg")
    assert ledger.is_output("content", Path("/out/a.jpg"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make symlinks")
def test_a_copy_behind_a_link_is_recognised_and_a_photo_hard_linked_to_its_copy_is_not_one(ledger, tmp_path):
    (tmp_path / "in" / "Restored").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "in" / "Restored")
    (tmp_path / "out" / "a.jpg").write_bytes(b"plain")
    os.link(tmp_path / "out" / "a.jpg", tmp_path / "in" / "a.jpg")
    job = started(ledger)
    ledger.record_hash(job, "content", "recipe")
    ledger.committing(job, tmp_path / "out" / "a.jpg", "content", None)
    assert ledger.is_output("content", tmp_path / "in" / "Restored" / "a.jpg")
    assert not ledger.is_output("content", tmp_path / "in" / "a.jpg")
