"""A finished file gets a name that fits and replaces nothing; temporaries are removed."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import sys
import time
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from facewatch.system.atomic import remove_file, retry_while_busy, write_temporary
from facewatch.system.publish import _rename_exclusively, fit_name, link_or_rename, numbered_names, publish

TAIL = " before-after.jpg"
OURS = hashlib.sha256(b"ours").hexdigest()


def test_a_read_only_temporary_is_removed_on_windows(tmp_path, monkeypatch):
    temporary = write_temporary(tmp_path, b"the copy of a read-only photo")
    temporary.chmod(0o444)
    unlink = Path.unlink

    def refuse(path):
        if not path.stat().st_mode & 0o200:
            raise PermissionError(errno.EACCES, "Access is denied")
        unlink(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        patch.setattr(os, "name", "nt")
        assert remove_file(temporary)
    assert not temporary.exists()
    assert not remove_file(temporary)


@pytest.fixture
def no_links(monkeypatch):
    """A file system without hard links."""

    def refused(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)


@pytest.fixture(params=[errno.EINVAL, errno.ENOSYS])
def no_exclusive_rename(no_links, monkeypatch, request):
    """A file system without hard links that cannot rename exclusively either."""

    def refused(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr("facewatch.system.publish._rename_exclusively", refused)


def files_after_rename(folder):
    """Give a temporary the name a.jpg, and return all files with their bytes."""
    link_or_rename(write_temporary(folder, b"ours"), folder / "a.jpg")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_name_that_is_taken_is_never_replaced(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"the user's own")
    (tmp_path / "a (2).jpg").symlink_to(tmp_path / "nowhere")  # a dangling link is not ours either
    announced = []
    final = publish(write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", announced.append, sha256=OURS)
    assert final == tmp_path / "a (3).jpg"
    assert announced == [final]
    assert final.read_bytes() == b"ours"
    assert (tmp_path / "a.jpg").read_bytes() == b"the user's own"
    assert not list(tmp_path.glob(".facewatch-*"))


def test_a_file_with_the_same_bytes_may_be_adopted_as_the_copy(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"other")
    (tmp_path / "elsewhere").write_bytes(b"ours")
    (tmp_path / "a (2).jpg").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a (3).jpg").write_bytes(b"ours")
    (tmp_path / "a (4).jpg").write_bytes(b"ours")
    announced, offered = [], []

    def adopt(name):
        offered.append(name.name)
        return name.name == "a (4).jpg"

    final = publish(
        write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", announced.append, adopt, sha256=OURS
    )
    assert final == tmp_path / "a (4).jpg"
    assert announced == [final]
    assert offered == ["a (3).jpg", "a (4).jpg"]
    assert not list(tmp_path.glob(".facewatch-*"))


def test_a_name_taken_at_the_last_moment_is_not_replaced_either(tmp_path):
    def snatch(name):
        if not name.exists() and name.name == "a.jpg":
            name.write_bytes(b"quicker")

    final = publish(write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", snatch, sha256=OURS)
    assert final.name == "a (2).jpg"
    assert (tmp_path / "a.jpg").read_bytes() == b"quicker"


def test_a_rename_where_links_are_refused_replaces_nothing(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "a.jpg").write_bytes(b"the user's own")
    final = publish(write_temporary(tmp_path, b"ours"), tmp_path / "a.jpg", lambda _: None, sha256=OURS)
    assert final.name == "a (2).jpg"
    assert final.read_bytes() == b"ours"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a (2).jpg", "a.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="a rename never replaces on Windows")
def test_without_links_the_system_renames_exclusively(tmp_path, no_links, monkeypatch):
    monkeypatch.setattr("facewatch.system.publish._claim_and_rename", None)
    assert files_after_rename(tmp_path) == {"a.jpg": b"ours"}
    with pytest.raises(FileExistsError):
        files_after_rename(tmp_path)
    assert (tmp_path / "a.jpg").read_bytes() == b"ours"


def test_without_an_exclusive_rename_the_name_is_claimed_first(tmp_path, no_exclusive_rename):
    assert files_after_rename(tmp_path) == {"a.jpg": b"ours"}
    with pytest.raises(FileExistsError):
        files_after_rename(tmp_path)


def test_a_claimed_name_is_removed_when_the_rename_fails(tmp_path, no_exclusive_rename, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="Input/output error"):
        files_after_rename(tmp_path)
    assert not (tmp_path / "a.jpg").exists()


def test_a_rename_that_succeeded_despite_an_error_is_kept(tmp_path, no_exclusive_rename, monkeypatch):
    replace = Path.replace

    def fails_after_renaming(path, target):
        replace(path, target)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "replace", fails_after_renaming)
    with pytest.raises(OSError, match="Input/output error"):
        files_after_rename(tmp_path)
    assert (tmp_path / "a.jpg").read_bytes() == b"ours"


def test_a_c_library_without_the_call_counts_as_unsupported(tmp_path, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace())
    with pytest.raises(OSError, match=re.escape(os.strerror(errno.ENOSYS))):
        _rename_exclusively(tmp_path / "a", tmp_path / "b")


def test_a_name_that_fits_is_unchanged():
    assert fit_name("a", TAIL) == f"a{TAIL}"
    assert fit_name("ü" * 119, TAIL) == "ü" * 119 + TAIL  # 255 bytes


@pytest.mark.parametrize("stem", ["a" * 251, "ü" * 125, "日" * 83, "😀" * 62, "\udcf6" * 250])
@pytest.mark.skipif(os.name == "nt", reason="Windows counts UTF-16 units")
def test_a_long_name_is_cut_between_two_characters(stem):
    name = fit_name(stem, TAIL)
    assert name.endswith(TAIL)
    assert 244 <= len(os.fsencode(name)) <= 247
    kept, _, _ = name.rpartition("~")
    assert stem.startswith(kept)
    assert name == fit_name(stem, TAIL)


def test_long_names_that_differ_only_at_their_end_stay_different():
    assert len({fit_name("a" * 245 + end, TAIL) for end in ("", "1", "2")}) == 3


def test_a_long_name_that_is_taken_gets_its_number():
    wanted = Path("/out") / ("a" * 251 + ".jpg")
    first, second, third = islice(numbered_names(wanted), 3)
    assert first == wanted
    assert second.name.endswith(" (2).jpg")
    assert third.name.endswith(" (3).jpg")
    assert max(len(name.name) for name in (second, third)) <= 255


def test_a_name_that_was_cut_has_room_for_its_number():
    wanted = Path("/out") / fit_name("a" * 251, TAIL)
    _, second = islice(numbered_names(wanted), 2)
    assert second.name == wanted.name.removesuffix(".jpg") + " (2).jpg"


class Busy:
    """A file that another program blocks for a number of tries, as on Windows."""

    def __init__(self, tries, winerror=32):
        self.tries, self.winerror = tries, winerror

    def __call__(self):
        if self.tries:
            self.tries -= 1
            error = PermissionError(errno.EACCES, "The process cannot access the file")
            error.winerror = self.winerror
            raise error
        return "read"


def test_a_file_that_another_program_blocks_briefly_is_retried(monkeypatch):
    naps = []
    monkeypatch.setattr(time, "sleep", naps.append)
    assert retry_while_busy(Busy(9)) == "read"
    assert sum(naps) == 2.25
    for failing in (Busy(99), Busy(1, winerror=3)):
        with pytest.raises(PermissionError):
            retry_while_busy(failing)
    assert sum(naps) == 2.25 + 2.5
