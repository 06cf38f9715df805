"""A published copy ends its photo, whatever fails afterwards."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import stat

import pytest

from facewatch.errors import DiskFull
from facewatch.state.reports import report_summary
from facewatch.system.fingerprint import Fingerprint


@pytest.fixture
def refuse_folder_sync(monkeypatch):
    """Make the sync of every folder fail with the given error number."""
    real = os.fsync

    def refuse(number):
        def fsync(descriptor):
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)

    return refuse


def drop_all_kinds(harness):
    """Drop a photo, one without faces, and one with a redo."""
    for name in ("a.jpg", "nobody-1.jpg", "redone.jpg"):
        harness.drop(name, name.encode())
    photo = harness.inbox_folder / "redone.jpg"
    harness.ledger.queue(photo, harness.inbox_folder, Fingerprint.of(photo.stat()), {"weight": 0.5})


def work_through_all_waits(harness):
    for _ in range(8):
        harness.work()
        harness.clock.now += 3601


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EIO])
def test_a_file_system_that_does_not_sync_its_folders_gets_each_copy_once(
    harness, refuse_folder_sync, number
):
    drop_all_kinds(harness)
    harness.output.mkdir()
    refuse_folder_sync(number)
    work_through_all_waits(harness)
    assert harness.outputs() == ["a.jpg", "nobody-1.jpg", "redone (builtin 0.5).jpg"]
    assert [harness.state(name) for name in ("a.jpg", "nobody-1.jpg", "redone.jpg")] == [
        "done",
        "no_faces",
        "done",
    ]


def test_a_copy_that_the_ledger_could_not_record_is_not_made_again(harness, monkeypatch):
    drop_all_kinds(harness)

    def full(*_):
        raise DiskFull("no space left for the ledger")

    for call in ("done", "no_faces"):
        with monkeypatch.context() as patch:
            patch.setattr(harness.ledger, call, full)
            with pytest.raises(DiskFull):
                harness.work()
        harness.clock.now += 61
    work_through_all_waits(harness)
    assert harness.outputs() == ["a.jpg", "nobody-1.jpg", "redone (builtin 0.5).jpg"]
    assert harness.ledger.photo(harness.inbox_folder / "a.jpg").attempts == 1


def test_a_copy_on_a_share_that_was_briefly_unavailable_is_found_again(
    harness, monkeypatch, refuse_folder_sync
):
    drop_all_kinds(harness)
    harness.output.mkdir()
    with monkeypatch.context() as patch:
        refuse_folder_sync(errno.EIO)
        patch.setattr("facewatch.worker.recovery.copy_exists", lambda _: False)
        harness.work()
    assert harness.state("redone.jpg") == "retry"
    work_through_all_waits(harness)
    assert harness.outputs() == ["a.jpg", "nobody-1.jpg", "redone (builtin 0.5).jpg"]
    assert [harness.state(name) for name in ("a.jpg", "nobody-1.jpg", "redone.jpg")] == [
        "done",
        "no_faces",
        "done",
    ]


def test_the_name_of_a_redone_copy_and_its_report_tell_the_model_and_the_weight(harness):
    photo = harness.drop("a.jpg", b"a")
    harness.drop("nobody-1.jpg", b"b")
    harness.work()
    for name, weight in (("a.jpg", 0.5), ("a.jpg", 0.5), ("a.jpg", 1.0), ("nobody-1.jpg", 0.5)):
        original = harness.inbox_folder / name
        wishes = {"model": None, "weight": weight}
        harness.ledger.queue(original, harness.inbox_folder, Fingerprint.of(original.stat()), wishes)
        harness.work()
    assert harness.outputs() == [
        "a (builtin 0.5) (2).jpg",
        "a (builtin 0.5).jpg",
        "a (builtin 1).jpg",
        "a.jpg",
        "nobody-1 (2).jpg",
        "nobody-1.jpg",
    ]
    assert report_summary(harness.ledger.photo(photo).report) == "builtin 1: 1 of 1 face restored"


def test_a_sleep_is_delayed_while_a_copy_gets_its_name_and_its_record(harness):
    held, seen = [], []
    committing, done = harness.ledger.committing, harness.ledger.done

    @contextlib.contextmanager
    def delayed(why):
        held.append(why)
        yield
        held.pop()

    def noticed(call):
        def act(*given):
            seen.append(len(held))
            return call(*given)

        return act

    harness.ledger.committing, harness.ledger.done = noticed(committing), noticed(done)
    harness.worker._committer = dataclasses.replace(harness.worker._committer, delayed_sleep=delayed)
    harness.drop("a.jpg")
    harness.work()
    harness.drop("the same.jpg")
    harness.work()
    assert harness.outputs() == ["a.jpg", "the same.jpg"]
    assert seen == [1, 1, 1, 1]
    assert held == []
