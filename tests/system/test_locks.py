"""Lock files between processes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import filelock
import pytest

from facewatch.errors import CannotWrite, DiskFull
from facewatch.system.locks import LockHeld, Stopped, acquire_lock, hold_lock, is_lock_held

HOLD = """
import sys, filelock
with filelock.FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.lock"


@pytest.fixture
def other_process(path):
    """Another process that holds the lock until its standard input is closed."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()
        process.wait(10)


def test_a_lock_is_held_until_its_context_ends(path):
    with acquire_lock(path):
        assert is_lock_held(path)
        with pytest.raises(LockHeld, match=r"a\.lock"):
            acquire_lock(path)
    assert not is_lock_held(path)


def test_a_lock_of_another_process_is_held_until_that_process_ends(path, other_process):
    assert is_lock_held(path)
    with pytest.raises(LockHeld):
        acquire_lock(path, timeout_seconds=0.05)
    other_process.kill()
    with acquire_lock(path, timeout_seconds=10):
        pass


def test_a_wait_for_a_lock_ends_when_asked_to_or_when_the_lock_is_free(path, other_process):
    with pytest.raises(Stopped), hold_lock(path, lambda: True):
        pass

    def release():
        other_process.kill()
        return False

    with hold_lock(path, release):
        assert is_lock_held(path)
    assert not is_lock_held(path)


def test_asking_whether_a_lock_is_held_creates_no_file(path, tmp_path):
    assert not is_lock_held(path)
    assert not is_lock_held(tmp_path / "nowhere" / "a.lock")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFull, "no space left for .*a.lock"),
        (OSError(errno.EACCES, "Permission denied"), CannotWrite, "cannot be locked .*Permission denied"),
        (NotImplementedError("no flock"), CannotWrite, "cannot be locked .*local disk"),
    ],
)
def test_a_lock_that_cannot_be_taken_says_why(path, monkeypatch, error, kind, message):
    def fail(*_, **__):
        raise error

    path.touch()
    monkeypatch.setattr(filelock.FileLock, "acquire", fail)
    for attempt in (acquire_lock, is_lock_held):
        with pytest.raises(kind, match=message):
            attempt(path)
    with pytest.raises(kind, match=message), hold_lock(path, lambda: True):
        pass


@pytest.mark.skipif(os.name != "posix", reason="a file in the path of a lock is POSIX's error")
def test_a_file_in_place_of_the_folder_means_that_no_lock_is_held(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert not is_lock_held(tmp_path / "notes.txt" / "a.lock")
