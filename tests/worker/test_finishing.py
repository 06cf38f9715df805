"""A copy that has its name is the end of its photo, whatever fails after that."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from facewatch.errors import DiskFull
from facewatch.system.fingerprint import Fingerprint


@pytest.fixture
def refuse_folder_sync(monkeypatch):
    """Has the sync of every folder fail, by the number of an error."""
    real = os.fsync

    def refuse(number):
        def fsync(descriptor):
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)

    return refuse


def drop_all_kinds(house):
    """A photo, one without faces, and one whose redo is asked for."""
    for name in ("a.jpg", "nobody-1.jpg", "redone.jpg"):
        house.drop(name, name.encode())
    photo = house.inbox_folder / "redone.jpg"
    house.ledger.queue(photo, house.inbox_folder, Fingerprint.of(photo.stat()), {"weight": 0.5})


def work_through_all_waits(house):
    for _ in range(8):
        house.work()
        house.clock.now += 3601


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EIO])
def test_a_file_system_that_does_not_sync_its_folders_gets_each_copy_once(house, refuse_folder_sync, number):
    drop_all_kinds(house)
    house.output.mkdir()
    refuse_folder_sync(number)
    work_through_all_waits(house)
    assert house.outputs() == ["a.jpg", "nobody-1.jpg", "redone.jpg"]
    assert [house.state(name) for name in house.outputs()] == ["done", "no_faces", "done"]


def test_a_copy_whose_end_the_ledger_could_not_take_is_not_made_again(house, monkeypatch):
    drop_all_kinds(house)

    def full(*_):
        raise DiskFull("no space left for the ledger")

    for call in ("done", "no_faces"):
        with monkeypatch.context() as patch:
            patch.setattr(house.ledger, call, full)
            with pytest.raises(DiskFull):
                house.work()
        house.clock.now += 61
    work_through_all_waits(house)
    assert house.outputs() == ["a.jpg", "nobody-1.jpg", "redone.jpg"]
    assert house.ledger.photo(house.inbox_folder / "a.jpg").attempts == 1


def test_a_copy_on_a_share_that_was_away_for_a_moment_is_found_again(house, monkeypatch, refuse_folder_sync):
    drop_all_kinds(house)
    house.output.mkdir()
    with monkeypatch.context() as patch:
        refuse_folder_sync(errno.EIO)
        patch.setattr("facewatch.worker.recovery.copy_exists", lambda _: False)
        house.work()
    assert house.state("redone.jpg") == "retry"
    work_through_all_waits(house)
    assert house.outputs() == ["a.jpg", "nobody-1.jpg", "redone.jpg"]
    assert [house.state(name) for name in house.outputs()] == ["done", "no_faces", "done"]
