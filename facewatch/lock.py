"""One daemon for each installation, and who it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import filelock
import psutil

from facewatch.errors import AlreadyRunning
from facewatch.files import Places, private_folder, write_whole


def running_pid(places: Places) -> int | None:
    """The process id of the daemon that runs, or None."""
    try:
        about = json.loads(places.pid.read_text("utf-8"))
        process = psutil.Process(int(about["pid"]))
        alive = abs(process.create_time() - about["created"]) < 2  # a number used again is another process
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return process.pid if alive else None


def process_runs(pid: int) -> bool:
    """Whether a process of this number is there."""
    return pid > 0 and psutil.pid_exists(pid)


@contextmanager
def only_instance(places: Places) -> Iterator[None]:
    """Hold the lock of this installation; the system frees it however the process ends.

    Raises AlreadyRunning, naming the process that has it; CannotWrite.
    """
    private_folder(places.state)
    lock = filelock.FileLock(places.lock, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        pid = running_pid(places)
        who = f"process {pid}" if pid else "another process"
        raise AlreadyRunning(
            f"facewatch is already running ({who}); `facewatch status` shows what it does"
        ) from error
    try:
        about = {"pid": os.getpid(), "created": psutil.Process().create_time()}
        write_whole(places.pid, json.dumps(about).encode())
        yield
    finally:
        places.pid.unlink(missing_ok=True)
        lock.release()
