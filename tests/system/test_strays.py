"""Temporaries of ended processes."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from facewatch.system.atomic import creator_of, write_temporary
from facewatch.system.strays import remove_stray_temporaries


def test_stray_temporaries_are_removed_and_nothing_else(tmp_path):
    (tmp_path / "sub").mkdir()
    stray = write_temporary(tmp_path / "sub", b"half").rename(tmp_path / "sub" / ".facewatch-0-ab.tmp")
    in_use = write_temporary(tmp_path / "sub", b"in use by another process")
    other = tmp_path / "sub" / "note.tmp"
    other.write_bytes(b"the user's own")
    assert remove_stray_temporaries(tmp_path) == 1
    assert not stray.exists()
    assert in_use.exists()
    assert other.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems compare only times")
def test_a_stray_temporary_is_removed_even_if_its_process_id_is_in_use_again(tmp_path):
    ours = write_temporary(tmp_path, b"in use")
    pid, mark = creator_of(ours)
    stray = write_temporary(tmp_path, b"half")  # by the process with our id in an earlier container
    stray = stray.rename(stray.with_name(stray.name.replace(mark, "0" * len(mark), 1)))
    assert creator_of(stray) == (pid, "0" * len(mark))
    assert remove_stray_temporaries(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [ours]


def test_a_stray_temporary_that_cannot_be_removed_is_logged_and_does_not_keep_the_others(
    tmp_path, monkeypatch, caplog
):
    first, last = (
        write_temporary(tmp_path, b"half").rename(tmp_path / f".facewatch-0-{n}.tmp") for n in "ab"
    )
    unlink = Path.unlink

    def refuse(path, *, missing_ok=False):
        if path == first:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert remove_stray_temporaries(tmp_path) == 1
    assert (first.exists(), last.exists()) == (True, False)
    assert "a.tmp is not needed any more and cannot be removed: Read-only file system" in caplog.text
