"""A finished file gets its name, which fits, and what is not needed goes."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import sys
import time
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from facewatch.system import publish
from facewatch.system.atomic import remove_file, retry_while_busy, write_temporary
from facewatch.system.publish import fit_name, link_or_rename, numbered_names

TAIL = " before-after.jpg"


def test_a_temporary_that_windows_calls_read_only_is_removed(tmp_path, monkeypatch):
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
    """One that cannot rename without replacing either."""

    def refused(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(publish, "_rename_exclusively", refused)


def named(folder):
    """What `link_or_rename` makes of a temporary."""
    link_or_rename(write_temporary(folder, b"ours"), folder / "a.jpg")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows never replaces by itself")
def test_without_links_the_system_renames_in_one_step(tmp_path, no_links, monkeypatch):
    monkeypatch.setattr(publish, "_claim_and_rename", None)
    assert named(tmp_path) == {"a.jpg": b"ours"}
    with pytest.raises(FileExistsError):
        named(tmp_path)
    assert (tmp_path / "a.jpg").read_bytes() == b"ours"


def test_where_there_is_no_such_rename_either_the_name_is_claimed(tmp_path, no_exclusive_rename):
    assert named(tmp_path) == {"a.jpg": b"ours"}
    with pytest.raises(FileExistsError):
        named(tmp_path)


def test_a_claim_is_given_up_when_the_rename_fails(tmp_path, no_exclusive_rename, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="Input/output error"):
        named(tmp_path)
    assert not (tmp_path / "a.jpg").exists()


def test_a_rename_that_was_done_although_the_share_says_no_is_kept(
    tmp_path, no_exclusive_rename, monkeypatch
):
    replace = Path.replace

    def answers_late(path, target):
        replace(path, target)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "replace", answers_late)
    with pytest.raises(OSError, match="Input/output error"):
        named(tmp_path)
    assert (tmp_path / "a.jpg").read_bytes() == b"ours"


def test_a_c_library_without_that_call_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace())
    with pytest.raises(OSError, match=re.escape(os.strerror(errno.ENOSYS))):
        publish._rename_exclusively(tmp_path / "a", tmp_path / "b")


def test_a_name_that_fits_is_left_as_it_is():
    assert fit_name("a", TAIL) == f"a{TAIL}"
    assert fit_name("ü" * 119, TAIL) == "ü" * 119 + TAIL  # 255 bytes


@pytest.mark.parametrize("stem", ["a" * 251, "ü" * 125, "日" * 83, "😀" * 62, os.fsdecode(b"\xf6" * 250)])
@pytest.mark.skipif(os.name == "nt", reason="Windows counts UTF-16 units")
def test_a_long_one_is_cut_between_two_characters(stem):
    name = fit_name(stem, TAIL)
    assert name.endswith(TAIL)
    assert 244 <= len(os.fsencode(name)) <= 247
    kept, _, _ = name.rpartition("~")
    assert stem.startswith(kept)
    assert name == fit_name(stem, TAIL)


def test_long_names_that_differ_at_their_end_only_stay_apart():
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
    """A file that another program holds for so many tries, as Windows says it."""

    def __init__(self, tries, winerror=32):
        self.tries, self.winerror = tries, winerror

    def __call__(self):
        if self.tries:
            self.tries -= 1
            error = PermissionError(errno.EACCES, "The process cannot access the file")
            error.winerror = self.winerror
            raise error
        return "read"


def test_a_file_that_another_program_holds_for_a_moment_is_waited_for(monkeypatch):
    naps = []
    monkeypatch.setattr(time, "sleep", naps.append)
    assert retry_while_busy(Busy(9)) == "read"
    assert sum(naps) == 2.25
    for held in (Busy(99), Busy(1, winerror=3)):
        with pytest.raises(PermissionError):
            retry_while_busy(held)
    assert sum(naps) == 2.25 + 2.5
