"""Free space is checked before a file is written, and sizes are readable."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from types import SimpleNamespace

import pytest

from facewatch.errors import DiskFull
from facewatch.system.atomic import copy_to_temporary, write_atomically, write_temporary
from facewatch.system.disk_space import format_size, free_bytes, require_space


def test_space_is_checked_before_anything_is_written(tmp_path, monkeypatch):
    def nearly_full(_):
        return SimpleNamespace(total=1_000_000, used=0, free=14_000)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    original = tmp_path / "original"
    original.write_bytes(bytes(4_001))
    write_temporary(tmp_path, bytes(4_000)).unlink()
    message = r"needs 4\.0 kB in .*, where 14\.0 kB are free and 10\.0 kB must stay free: free some space"
    with pytest.raises(DiskFull, match=message):
        write_temporary(tmp_path, bytes(4_001))
    with pytest.raises(DiskFull, match=message), original.open("rb") as file:
        copy_to_temporary(file, tmp_path)
    assert list(tmp_path.iterdir()) == [original]


def test_a_disk_that_reports_no_size_does_not_count_as_full(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=0, used=0, free=0))
    assert write_temporary(tmp_path, b"bytes").read_bytes() == b"bytes"


def test_small_files_of_our_own_are_written_to_a_nearly_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1000, used=999, free=1))
    write_atomically(tmp_path / "config.toml", b"paused = true")


@pytest.mark.skipif(sys.platform != "linux", reason="preallocates on Linux only")
@pytest.mark.parametrize("refusal", [errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL])
def test_a_file_system_that_cannot_preallocate_is_written_to(tmp_path, monkeypatch, refusal):
    def refused(*_):
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "posix_fallocate", refused)
    assert write_temporary(tmp_path, b"bytes").read_bytes() == b"bytes"


@pytest.mark.skipif(sys.platform != "linux", reason="preallocates on Linux only")
def test_a_failed_preallocation_stops_the_write(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DiskFull):
        write_temporary(tmp_path, b"bytes")
    assert list(tmp_path.iterdir()) == []


def test_the_space_that_stays_free_and_the_advice_are_the_callers(tmp_path):
    def free(_):
        return 5_000

    require_space(tmp_path, 4_000, spare_bytes=1_000, free=free)
    with pytest.raises(
        DiskFull, match=r"toy needs 4\.0 kB in .*, where 5\.0 kB are free .* 1\.0 kB must.*: wait"
    ):
        require_space(tmp_path, 4_001, name="toy", spare_bytes=1_000, advice="wait", free=free)


def test_free_space_is_that_of_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=9, used=4, free=5))
    assert free_bytes(tmp_path) == 5


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (40_000, "40.0 kB"), (348_632_874, "348.6 MB"), (2.5e9, "2.5 GB")],
)
def test_a_size_has_the_largest_unit_that_it_reaches(size_bytes, text):
    assert format_size(size_bytes) == text
