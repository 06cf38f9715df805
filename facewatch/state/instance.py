"""The lock that lets one daemon run for each installation, and the process that holds it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import psutil

from facewatch.errors import AlreadyRunning, CannotWrite
from facewatch.system.atomic import make_private_folder, translate_write_errors, write_atomically
from facewatch.system.paths import Places

LOCK_SECONDS = 0.5  # `is_locked` takes a free lock for a moment; a daemon that starts then has to wait
_CLOCK_STEP_SECONDS = 2.0  # files' times and processes' do not come from the same clock
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def running_pid(places: Places) -> int | None:
    """Return the process id of the running daemon, or None."""
    try:
        record = json.loads(places.pid.read_text("utf-8"))
        pid = int(record["pid"])
        alive = _is_same_process(pid, record)
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return pid if alive else None


def is_still_running(pid: int, when: float) -> bool:
    """True if the process that had this id at the wall-clock time `when` still runs."""
    if pid <= 0:
        return False
    try:  # a reused id belongs to another process, which started later
        return psutil.Process(pid).create_time() <= when + _CLOCK_STEP_SECONDS
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def is_locked(places: Places) -> bool:
    """True if any process holds the lock of this installation.

    Raises CannotWrite if the lock cannot be tested.
    """
    lock = filelock.FileLock(places.lock, timeout=0)
    try:
        places.lock.stat()  # testing a lock would create its file
        lock.acquire()
    except filelock.Timeout:
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise CannotWrite(f"cannot test the lock {places.lock}: {error.strerror}") from error
    lock.release()
    return False


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
    lock = filelock.FileLock(places.lock, timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        pid = running_pid(places)
        holder = f"process {pid}" if pid else lock_holder(places)
        raise AlreadyRunning(
            f"facewatch is already running ({holder}); `facewatch status` shows what it does"
        ) from error
    except OSError:
        with translate_write_errors(places.lock):
            raise
    try:
        write_atomically(places.pid, json.dumps(_record_of(os.getpid())).encode())
        yield
    finally:
        places.pid.unlink(missing_ok=True)
        lock.release()


def _record_of(pid: int) -> dict[str, Any]:
    return {"pid": pid, "created": psutil.Process(pid).create_time(), "birth": _birth(pid)}


def _is_same_process(pid: int, record: dict[str, Any]) -> bool:
    """True if the process `pid` is the recorded one, and not another that reuses its id."""
    if record.get("birth") is not None:
        return bool(record["birth"] == _birth(pid))
    return bool(abs(psutil.Process(pid).create_time() - record["created"]) < _CLOCK_STEP_SECONDS)


def _birth(pid: int) -> str | None:
    """Return the id of the current boot and the process's start time since then; None for an ended process.

    On Linux the wall-clock time of a process's start moves when the clock is set. None on other systems.
    """
    if sys.platform != "linux":
        return None
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return None if state[0] in {"Z", "X"} else f"{_BOOT.read_text('ascii').strip()} {state[19]}"
    except (OSError, IndexError):
        return None
