"""One daemon for each installation, and who it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import psutil

from facewatch.errors import AlreadyRunning, CannotWrite
from facewatch.system.atomic import make_private_folder, translate_write_errors, write_atomically
from facewatch.system.paths import Places
from facewatch.system.processes import find_running, identity

GLANCE_SECONDS = 0.5  # `held` takes a free lock for a moment; a daemon that starts then has to wait


def running_pid(places: Places) -> int | None:
    """The process id of the daemon that runs, or None."""
    try:
        return find_running(json.loads(places.pid.read_text("utf-8")))
    except (OSError, ValueError):
        return None


def is_locked(places: Places) -> bool:
    """Whether any process holds the lock of this installation.

    Raises CannotWrite when the lock cannot be tried.
    """
    lock = filelock.FileLock(places.lock, timeout=0)
    try:
        places.lock.stat()  # to try a lock would make its file
        lock.acquire()
    except filelock.Timeout:
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise CannotWrite(f"the lock {places.lock} cannot be tried: {error.strerror}") from error
    lock.release()
    return False


def lock_holder(places: Places) -> str:
    """Who holds the lock, in words, as far as the system tells: "process 4711 (python3)"."""
    try:
        inode = places.lock.stat().st_ino
        rows = [line.split() for line in Path("/proc/locks").read_text("ascii").splitlines()]
        pid = next(int(row[4]) for row in rows if row[1] == "FLOCK" and row[5].endswith(f":{inode}"))
        return f"process {pid} ({psutil.Process(pid).name()})"
    except (OSError, ValueError, IndexError, StopIteration, psutil.Error):
        return "another process"


@contextmanager
def single_instance(places: Places) -> Iterator[None]:
    """Hold the lock of this installation; the system frees it however the process ends.

    Raises AlreadyRunning, naming the process that has it; CannotWrite or DiskFull.
    """
    make_private_folder(places.state)
    lock = filelock.FileLock(places.lock, timeout=GLANCE_SECONDS)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        pid = running_pid(places)
        who = f"process {pid}" if pid else lock_holder(places)
        raise AlreadyRunning(
            f"facewatch is already running ({who}); `facewatch status` shows what it does"
        ) from error
    except OSError:
        with translate_write_errors(places.lock):
            raise
    try:
        write_atomically(places.pid, json.dumps(identity(os.getpid())).encode())
        yield
    finally:
        places.pid.unlink(missing_ok=True)
        lock.release()
