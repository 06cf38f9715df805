"""The lock that lets one daemon run for each installation, and the process that holds it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from facewatch.errors import AlreadyRunning
from facewatch.system.atomic import make_private_folder, remove_file, write_atomically
from facewatch.system.locks import LockHeld, acquire_lock, is_lock_held
from facewatch.system.paths import Places
from facewatch.system.processes import find_running, identity

LOCK_SECONDS = 0.5  # `is_locked` takes a free lock for a moment; a daemon that starts then has to wait


def running_pid(places: Places) -> int | None:
    """Return the process id of the running daemon, or None."""
    try:
        return find_running(json.loads(places.pid.read_text("utf-8")))
    except (OSError, ValueError):
        return None


def is_locked(places: Places) -> bool:
    """True if any process holds the lock of this installation.

    Raises CannotWrite if the lock cannot be tested.
    """
    return is_lock_held(places.lock)


def lock_holder(places: Places) -> str:
    """Describe the process that holds the lock: "process 4711 (python3)"; "another process" if unknown."""
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

    Raises AlreadyRunning, which names the process that holds it, CannotWrite or DiskFull.
    """
    make_private_folder(places.state)
    try:
        held = acquire_lock(places.lock, LOCK_SECONDS)
    except LockHeld as error:
        pid = running_pid(places)
        holder = f"process {pid}" if pid else lock_holder(places)
        raise AlreadyRunning(
            f"facewatch is already running ({holder}); `facewatch status` shows what it does"
        ) from error
    with held:
        try:
            write_atomically(places.pid, json.dumps(identity(os.getpid())).encode())
            yield
        finally:
            remove_file(places.pid)
