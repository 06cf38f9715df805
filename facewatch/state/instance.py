"""One daemon for each installation, and who it is."""

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

GLANCE_SECONDS = 0.5  # `held` takes a free lock for a moment; a daemon that starts then has to wait
_CLOCK_STEP_SECONDS = 2.0  # files' times and processes' do not come from the same clock
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def running_pid(places: Places) -> int | None:
    """The process id of the daemon that runs, or None."""
    try:
        about = json.loads(places.pid.read_text("utf-8"))
        pid = int(about["pid"])
        alive = _is_the_same(pid, about)
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return pid if alive else None


def is_still_running(pid: int, when: float) -> bool:
    """Whether the process that had this number at the wall-clock time `when` is still there."""
    if pid <= 0:
        return False
    try:  # a number used again is another process, which began later
        return psutil.Process(pid).create_time() <= when + _CLOCK_STEP_SECONDS
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


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
        write_atomically(places.pid, json.dumps(_about(os.getpid())).encode())
        yield
    finally:
        places.pid.unlink(missing_ok=True)
        lock.release()


def _about(pid: int) -> dict[str, Any]:
    return {"pid": pid, "created": psutil.Process(pid).create_time(), "birth": _birth(pid)}


def _is_the_same(pid: int, about: dict[str, Any]) -> bool:
    """Whether the process `pid` is the one noted: a number used again is another process."""
    if about.get("birth") is not None:
        return bool(about["birth"] == _birth(pid))
    return bool(abs(psutil.Process(pid).create_time() - about["created"]) < 2)


def _birth(pid: int) -> str | None:
    """Which start of the system a process belongs to, and when it began since then.

    On Linux the wall-clock time of a process' start moves whenever the clock is set. None on other systems,
    and for a process that has ended.
    """
    if sys.platform != "linux":
        return None
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return None if state[0] in {"Z", "X"} else f"{_BOOT.read_text('ascii').strip()} {state[19]}"
    except (OSError, IndexError):
        return None
