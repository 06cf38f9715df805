"""Writes that are whole or not there, and names that are never taken twice."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from facewatch import files
from facewatch.errors import CannotWrite, DiskFull
from facewatch.files import (
    Places,
    copy_to_temporary,
    deliver,
    like_original,
    sha256_of,
    write_temporary,
    write_whole,
)


def test_one_variable_puts_everything_under_one_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWATCH_HOME", str(tmp_path))
    monkeypatch.delenv("FACEWATCH_MODELS", raising=False)
    assert Places.standard() == Places.under(tmp_path)
    monkeypatch.setenv("FACEWATCH_MODELS", str(tmp_path / "other"))
    assert Places.standard().models == tmp_path / "other"


def test_a_temporary_is_private_and_whole(tmp_path):
    temporary = write_temporary(tmp_path, b"bytes")
    assert temporary.read_bytes() == b"bytes"
    assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    assert temporary.name.startswith(".facewatch-")


def test_nothing_is_left_when_the_disk_is_full(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(DiskFull, match="free some space"):
        write_temporary(tmp_path, b"bytes")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CannotWrite, match="missing"):
        write_temporary(tmp_path / "missing", b"")


def test_a_name_that_is_taken_is_never_replaced(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"the user's own")
    (tmp_path / "a (2).jpg").symlink_to(tmp_path / "nowhere")  # a dangling link is somebody's too
    heard = []
    final = deliver(write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", heard.append)
    assert final == tmp_path / "a (3).jpg"
    assert heard == [final]
    assert final.read_bytes() == b"ours"
    assert (tmp_path / "a.jpg").read_bytes() == b"the user's own"
    assert not list(tmp_path.glob(".facewatch-*"))


def test_a_name_taken_at_the_last_moment_is_not_replaced_either(tmp_path):
    def snatch(name):
        if not name.exists() and name.name == "a.jpg":
            name.write_bytes(b"quicker")

    final = deliver(write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", snatch)
    assert final.name == "a (2).jpg"
    assert (tmp_path / "a.jpg").read_bytes() == b"quicker"


def test_where_links_are_refused_a_rename_does_it_and_still_replaces_nothing(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "a.jpg").write_bytes(b"the user's own")
    final = deliver(write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", lambda _: None)
    assert final.name == "a (2).jpg"
    assert final.read_bytes() == b"ours"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a (2).jpg", "a.jpg"]


def test_a_file_of_ours_is_replaced_whole_and_keeps_its_permissions(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_takes_its_originals_times_and_permissions(tmp_path):
    original = tmp_path / "a.jpg"
    original.write_bytes(b"photo")
    original.chmod(0o604)
    os.utime(original, ns=(1_000_000_000, 946_684_800_000_000_000))
    copy = copy_to_temporary(original, tmp_path)
    like_original(copy, original.stat())
    assert copy.read_bytes() == b"photo"
    assert copy.stat().st_mtime_ns == 946_684_800_000_000_000
    assert stat.S_IMODE(copy.stat().st_mode) == 0o604
    assert sha256_of(copy) == sha256_of(original)
