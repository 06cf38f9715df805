"""A finished file gets its name, and what is not needed goes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from facewatch.files import write_temporary
from facewatch.naming import remove


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
        assert remove(temporary)
    assert not temporary.exists()
    assert not remove(temporary)
