"""Replaced and rejected copies go to the trash, and nothing else does."""

from __future__ import annotations

import os

import pytest

from facewatch.errors import CannotWrite
from facewatch.restoration.options import FaceChoice
from facewatch.state.requests import Request
from facewatch.system.fingerprint import Fingerprint
from facewatch.worker import earlier_copy
from facewatch.worker.earlier_copy import mark, redo_options


@pytest.fixture
def trash(tmp_path, monkeypatch):
    """A trash; a test may make it refuse."""
    folder = tmp_path / "trash"
    folder.mkdir()

    def move(file):
        if (folder / "refuse").exists():
            raise CannotWrite(f"{file} cannot be moved to the trash")
        file.rename(folder / file.name)

    monkeypatch.setattr(earlier_copy, "move_to_trash", move)
    return folder


@pytest.fixture
def photo(harness):
    """A restored photo."""
    path = harness.drop("a.jpg")
    harness.work()
    return path


def redo(harness, path, **wanted):
    job = harness.ledger.photo(path)
    options = redo_options(Request("redo", path, **wanted), job)
    harness.ledger.queue(path, harness.inbox_folder, Fingerprint.of(path.stat()), options)
    harness.work()


def test_a_replaced_copy_goes_to_the_trash_and_the_new_one_gets_its_name(harness, photo, trash):
    first = (harness.output / "a.jpg").read_bytes()
    redo(harness, photo, weight=0.5, replace=True)
    assert harness.outputs() == ["a.jpg"]
    assert (trash / "a.jpg").read_bytes() == first
    assert harness.ledger.photo(photo).output == harness.output / "a.jpg"


def test_a_replaced_redo_leaves_the_first_copy(harness, photo, trash):
    redo(harness, photo, weight=0.5)
    redo(harness, photo, weight=0.25, replace=True)
    assert harness.outputs() == ["a (builtin 0.25).jpg", "a.jpg"]
    assert [file.name for file in trash.iterdir()] == ["a (builtin 0.5).jpg"]


def test_without_replace_the_earlier_copy_stays(harness, photo, trash):
    redo(harness, photo, weight=0.5)
    assert harness.outputs() == ["a (builtin 0.5).jpg", "a.jpg"]
    assert list(trash.iterdir()) == []


def test_a_copy_that_the_user_has_edited_stays(harness, photo, trash):
    (harness.output / "a.jpg").write_bytes(b"edited by hand")
    redo(harness, photo, weight=0.5, replace=True)
    assert harness.outputs() == ["a (builtin 0.5).jpg", "a.jpg"]
    assert (harness.output / "a.jpg").read_bytes() == b"edited by hand"


def test_a_copy_that_cannot_be_moved_stays_and_the_photo_is_restored(harness, photo, trash):
    (trash / "refuse").touch()
    redo(harness, photo, weight=0.5, replace=True)
    assert harness.outputs() == ["a (builtin 0.5).jpg", "a.jpg"]
    assert harness.state("a.jpg") == "done"


def test_a_redo_that_fails_leaves_the_earlier_copy(harness, trash):
    path = harness.drop("a.jpg")
    harness.work()
    path.rename(path.with_name("device-x.jpg"))
    moved = path.with_name("device-x.jpg")
    harness.ledger.queue(
        moved,
        harness.inbox_folder,
        Fingerprint.of(moved.stat()),
        {"replaces": {"path": str(harness.output / "a.jpg"), "sha256": "0" * 64}},
    )
    for _ in range(3):
        harness.work()
        harness.clock.now += 4000
    assert (harness.output / "a.jpg").exists()
    assert list(trash.iterdir()) == []


def test_a_second_wish_to_replace_still_knows_the_copy(harness, photo):
    job = harness.ledger.photo(photo)
    first = redo_options(Request("redo", photo, replace=True), job)
    harness.ledger.queue(photo, harness.inbox_folder, Fingerprint.of(photo.stat()), first)
    started = harness.ledger.start(harness.ledger.photo(photo))
    harness.ledger.record_hash(started, "1" * 64, "recipe")
    again = redo_options(Request("redo", photo, replace=True), harness.ledger.photo(photo))
    assert again["replaces"] == first["replaces"]
    assert redo_options(Request("redo", photo, replace=True), None) == {"model": None, "weight": None}


def test_the_choices_for_faces_reach_the_engine_and_the_report(harness, photo):
    choices = (FaceChoice((1.0, 2.0, 3.0, 4.0), None),)
    redo(harness, photo, weight=0.5, faces=choices)
    assert harness.orders[-1].faces == choices
    report = harness.ledger.photo(photo).report
    assert report["choices"] == [{"box": [1.0, 2.0, 3.0, 4.0], "weight": None}]


def test_choices_make_another_recipe(harness, photo):
    before = harness.ledger.photo(photo).recipe
    redo(harness, photo)
    assert harness.ledger.photo(photo).recipe == before
    redo(harness, photo, faces=(FaceChoice((1.0, 2.0, 3.0, 4.0), 0.5),))
    assert harness.ledger.photo(photo).recipe != before


def test_a_rejected_copy_goes_to_the_trash_and_the_photo_is_not_restored_again(harness, photo, trash):
    mark(harness.ledger, Request("mark", photo, marks=("rejected",)))
    assert harness.outputs() == []
    assert (trash / "a.jpg").exists()
    job = harness.ledger.photo(photo)
    assert (job.state, job.output, job.report["marks"]) == ("done", None, ["rejected"])
    os.utime(photo, (1, 1))  # found again by a scan
    harness.inbox.put(harness.inbox_folder, photo)
    harness.work()
    assert harness.outputs() == []
    redo(harness, photo)
    assert harness.outputs() == ["a (builtin 0).jpg"]


def test_a_verdict_changes_neither_copy_nor_time(harness, photo, trash):
    before = harness.ledger.photo(photo)
    harness.clock.now += 100
    mark(harness.ledger, Request("mark", photo, marks=("accepted", "favourite")))
    after = harness.ledger.photo(photo)
    assert after.report["marks"] == ["accepted", "favourite"]
    assert (after.output, after.changed, after.report["faces"]) == (
        before.output,
        before.changed,
        before.report["faces"],
    )
    mark(harness.ledger, Request("mark", photo, marks=()))
    assert harness.ledger.photo(photo).report["marks"] == []
    assert harness.outputs() == ["a.jpg"]


def test_a_copy_that_cannot_be_rejected_is_not_marked(harness, photo, trash):
    (trash / "refuse").touch()
    with pytest.raises(CannotWrite):
        mark(harness.ledger, Request("mark", photo, marks=("rejected",)))
    assert "marks" not in harness.ledger.photo(photo).report
    assert harness.outputs() == ["a.jpg"]


def test_a_favourite_stays_one_when_it_is_redone(harness, photo):
    mark(harness.ledger, Request("mark", photo, marks=("accepted", "favourite")))
    redo(harness, photo, weight=0.5)
    assert harness.ledger.photo(photo).report["marks"] == ["favourite"]


def test_a_verdict_about_a_photo_that_is_not_known_is_none(harness, tmp_path):
    mark(harness.ledger, Request("mark", tmp_path / "b.jpg", marks=("rejected",)))
    assert harness.ledger.photo(tmp_path / "b.jpg") is None
