"""Atomic writes: complete files or none."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from facewatch.errors import CannotWrite, DiskFull
from facewatch.system import atomic, disk_space
from facewatch.system.atomic import copy_to_temporary, make_private_folder, write_atomically, write_temporary
from facewatch.system.opened import sha256_of


def test_a_temporary_is_private_and_complete(tmp_path):
    temporary = write_temporary(tmp_path, b"bytes")
    assert temporary.read_bytes() == b"bytes"
    assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    assert temporary.name.startswith(".facewatch-")


def test_a_full_disk_leaves_no_temporary(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "sync_file", full)
    with pytest.raises(DiskFull, match="free some space"):
        write_temporary(tmp_path, b"bytes")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="its disks have no limits of this kind")
@pytest.mark.parametrize(
    ("number", "files_left", "reason"),
    [
        (errno.ENOSPC, 0, "no more files fit on the disk of .*: delete some; work resumes"),
        (errno.ENOSPC, 5, "no space left for .*: free some space; work resumes"),
        (getattr(errno, "EDQUOT", 0), 5, "your quota on the disk of .* is used up: free some space"),
    ],
)
def test_a_full_disk_is_told_from_one_without_numbers_for_files_and_a_used_up_quota(
    tmp_path, monkeypatch, number, files_left, reason
):
    monkeypatch.setattr(disk_space.os, "statvfs", lambda _: SimpleNamespace(f_files=9, f_favail=files_left))
    with pytest.raises(DiskFull, match=reason), atomic.translate_write_errors(tmp_path / "missing/a.jpg"):
        raise OSError(number, os.strerror(number))


def test_an_original_that_shrinks_while_it_is_copied_leaves_no_empty_end(tmp_path, monkeypatch):
    original = tmp_path / "a.jpg"
    original.write_bytes(b"x" * 5000)
    require_space = atomic.require_space

    def shrink(folder, need_bytes):
        require_space(folder, need_bytes)
        os.truncate(original, 1000)

    monkeypatch.setattr(atomic, "require_space", shrink)
    with original.open("rb") as file:
        copy, digest = copy_to_temporary(file, tmp_path)
    assert copy.read_bytes() == b"x" * 1000
    assert digest == sha256_of(copy)


@pytest.mark.skipif(sys.platform == "win32", reason="no permissions for others there")
def test_a_new_folder_for_a_file_of_ours_is_private_whatever_the_umask(tmp_path):
    umask = os.umask(0)
    try:
        write_atomically(tmp_path / "state/precision.json", b"{}")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_all_bytes_are_flushed_before_the_sync(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(atomic, "sync_file", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    write_temporary(tmp_path, b"few")
    write_atomically(tmp_path / "config.toml", b"as few")
    assert synced == [3, 6]


def test_the_error_names_a_missing_folder(tmp_path):
    with pytest.raises(CannotWrite, match="missing"):
        write_temporary(tmp_path / "missing", b"")


def test_the_error_names_a_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(CannotWrite, match=r"notes\.txt is in the way"):
        write_atomically(tmp_path / "notes.txt" / "config.toml", b"")
    with pytest.raises(CannotWrite, match=r"notes\.txt is in the way"):
        make_private_folder(tmp_path / "notes.txt")


def test_a_link_to_itself_is_replaced(tmp_path):
    (tmp_path / "config.toml").symlink_to(tmp_path / "config.toml")
    write_atomically(tmp_path / "config.toml", b"new")
    assert (tmp_path / "config.toml").read_bytes() == b"new"


def test_an_atomic_write_keeps_the_permissions(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_open_in_a_reader_on_windows_is_still_replaced(tmp_path, monkeypatch):
    replace, refusals = Path.replace, [1, 1]

    def busy(path, target):
        if refusals:
            refusals.pop()
            error = PermissionError(errno.EACCES, "The process cannot access the file")
            error.winerror = 5
            raise error
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", busy)
    write_atomically(tmp_path / "config.toml", b"paused = true")
    assert (tmp_path / "config.toml").read_bytes() == b"paused = true"


def test_a_copy_has_the_bytes_of_its_original(tmp_path):
    original = tmp_path / "a.jpg"
    original.write_bytes(b"photo")
    with original.open("rb") as file:
        copy, digest = copy_to_temporary(file, tmp_path)
    assert copy.read_bytes() == b"photo"
    assert digest == sha256_of(copy) == sha256_of(original)
