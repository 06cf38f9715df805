"""Writes that are whole or not there, and names that are never taken twice."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from facewatch.errors import CannotWrite, DiskFull
from facewatch.system import atomic
from facewatch.system.atomic import (
    copy_to_temporary,
    make_private_folder,
    sha256_of,
    write_atomically,
    write_temporary,
)
from facewatch.system.paths import Places
from facewatch.system.publish import publish


def test_one_variable_puts_everything_under_one_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEWATCH_HOME", str(tmp_path))
    monkeypatch.delenv("FACEWATCH_MODELS", raising=False)
    assert Places.standard() == Places.under(tmp_path)
    monkeypatch.setenv("FACEWATCH_MODELS", str(tmp_path / "other"))
    assert Places.standard().models == tmp_path / "other"


def test_a_home_that_nobody_has_is_a_folder_like_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEWATCH_HOME", "~nobody-of-that-name")
    monkeypatch.setenv("FACEWATCH_MODELS", "~nobody-of-that-name/models")
    assert Places.standard() == Places.under(tmp_path / "~nobody-of-that-name")


def test_a_temporary_is_private_and_whole(tmp_path):
    temporary = write_temporary(tmp_path, b"bytes")
    assert temporary.read_bytes() == b"bytes"
    assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    assert temporary.name.startswith(".facewatch-")


def test_nothing_is_left_when_the_disk_is_full(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "sync_file", full)
    with pytest.raises(DiskFull, match="free some space"):
        write_temporary(tmp_path, b"bytes")
    assert list(tmp_path.iterdir()) == []


def test_the_disk_is_asked_before_anything_is_written(tmp_path, monkeypatch):
    def nearly_full(_):
        return SimpleNamespace(total=1_000_000, used=0, free=14_000)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    original = tmp_path / "original"
    original.write_bytes(bytes(4_001))
    write_temporary(tmp_path, bytes(4_000)).unlink()
    said = r"14 kB of 1.0 MB are free, 4 kB are needed, and 1 % of a disk is left free; free some space"
    with pytest.raises(DiskFull, match=said):
        write_temporary(tmp_path, bytes(4_001))
    with pytest.raises(DiskFull, match=said):
        copy_to_temporary(original, tmp_path)
    assert list(tmp_path.iterdir()) == [original]


def test_a_disk_that_does_not_know_its_size_is_not_taken_for_a_full_one(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=0, used=0, free=0))
    assert write_temporary(tmp_path, b"bytes").read_bytes() == b"bytes"


def test_our_own_small_files_are_written_to_a_nearly_full_disk_too(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1000, used=999, free=1))
    write_atomically(tmp_path / "config.toml", b"paused = true")


@pytest.mark.skipif(sys.platform != "linux", reason="room is set aside on Linux only")
@pytest.mark.parametrize("refusal", [errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL])
def test_a_file_system_that_cannot_set_room_aside_is_written_to_all_the_same(tmp_path, monkeypatch, refusal):
    def refused(*_):
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "posix_fallocate", refused)
    assert write_temporary(tmp_path, b"bytes").read_bytes() == b"bytes"


@pytest.mark.skipif(sys.platform != "linux", reason="room is set aside on Linux only")
def test_room_that_cannot_be_had_is_told_before_a_byte_is_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DiskFull):
        write_temporary(tmp_path, b"bytes")
    assert list(tmp_path.iterdir()) == []


def test_an_original_that_shrinks_while_it_is_copied_leaves_no_hollow_end(tmp_path, monkeypatch):
    original = tmp_path / "a.jpg"
    original.write_bytes(b"x" * 5000)
    ask = atomic.require_space

    def shrink(folder, need_bytes):
        ask(folder, need_bytes)
        os.truncate(original, 1000)

    monkeypatch.setattr(atomic, "require_space", shrink)
    assert copy_to_temporary(original, tmp_path).read_bytes() == b"x" * 1000


def test_the_bytes_are_out_of_our_hands_before_they_are_synced(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(atomic, "sync_file", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    write_temporary(tmp_path, b"few")
    write_atomically(tmp_path / "config.toml", b"as few")
    assert synced == [3, 6]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CannotWrite, match="missing"):
        write_temporary(tmp_path / "missing", b"")


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(CannotWrite, match=r"notes\.txt is in the way"):
        write_atomically(tmp_path / "notes.txt" / "config.toml", b"")
    with pytest.raises(CannotWrite, match=r"notes\.txt is in the way"):
        make_private_folder(tmp_path / "notes.txt")


def test_a_file_of_ours_that_is_a_link_to_itself_is_replaced(tmp_path):
    (tmp_path / "config.toml").symlink_to(tmp_path / "config.toml")
    write_atomically(tmp_path / "config.toml", b"new")
    assert (tmp_path / "config.toml").read_bytes() == b"new"


def test_a_name_that_is_taken_is_never_replaced(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"the user's own")
    (tmp_path / "a (2).jpg").symlink_to(tmp_path / "nowhere")  # a dangling link is somebody's too
    heard = []
    final = publish(write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", heard.append)
    assert final == tmp_path / "a (3).jpg"
    assert heard == [final]
    assert final.read_bytes() == b"ours"
    assert (tmp_path / "a.jpg").read_bytes() == b"the user's own"
    assert not list(tmp_path.glob(".facewatch-*"))


def test_a_file_with_the_very_same_bytes_may_be_taken_for_the_copy(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"other")
    (tmp_path / "elsewhere").write_bytes(b"ours")
    (tmp_path / "a (2).jpg").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a (3).jpg").write_bytes(b"ours")
    (tmp_path / "a (4).jpg").write_bytes(b"ours")
    heard, asked = [], []

    def adopt(name):
        asked.append(name.name)
        return name.name == "a (4).jpg"

    final = publish(write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", heard.append, adopt)
    assert final == tmp_path / "a (4).jpg"
    assert heard == [final]
    assert asked == ["a (3).jpg", "a (4).jpg"]
    assert not list(tmp_path.glob(".facewatch-*"))


def test_a_name_taken_at_the_last_moment_is_not_replaced_either(tmp_path):
    def snatch(name):
        if not name.exists() and name.name == "a.jpg":
            name.write_bytes(b"quicker")

    final = publish(write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", snatch)
    assert final.name == "a (2).jpg"
    assert (tmp_path / "a.jpg").read_bytes() == b"quicker"


def test_where_links_are_refused_a_rename_does_it_and_still_replaces_nothing(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "a.jpg").write_bytes(b"the user's own")
    final = publish(write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", lambda _: None)
    assert final.name == "a (2).jpg"
    assert final.read_bytes() == b"ours"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a (2).jpg", "a.jpg"]


def test_a_file_of_ours_is_replaced_whole_and_keeps_its_permissions(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_ours_is_replaced_though_somebody_reads_it_on_windows(tmp_path, monkeypatch):
    replace, held = Path.replace, [1, 1]

    def busy(path, target):
        if held:
            held.pop()
            error = PermissionError(errno.EACCES, "The process cannot access the file")
            error.winerror = 5
            raise error
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", busy)
    write_atomically(tmp_path / "config.toml", b"paused = true")
    assert (tmp_path / "config.toml").read_bytes() == b"paused = true"


def test_a_copy_has_its_originals_bytes(tmp_path):
    original = tmp_path / "a.jpg"
    original.write_bytes(b"photo")
    copy = copy_to_temporary(original, tmp_path)
    assert copy.read_bytes() == b"photo"
    assert sha256_of(copy) == sha256_of(original)
