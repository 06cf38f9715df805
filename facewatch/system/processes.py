"""Processes: the command line of our own, and telling them apart though their numbers are used again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil

_CLOCK_STEP_SECONDS = 2.0  # files' times and processes' do not come from the same clock
_LOOK_SECONDS = 0.01
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def facewatch_command(*arguments: str) -> list[str]:
    """The command line that runs facewatch itself with `arguments`, frozen into an app or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    return [sys.executable, "-m", "facewatch", *arguments]


def child_environment() -> dict[str, str]:
    """The environment for our own child processes: no import from the working directory."""
    return {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}


def identity(pid: int) -> dict[str, Any]:
    """Return what tells this process from all others that get its number, as JSON data."""
    try:
        created = psutil.Process(pid).create_time()
    except psutil.Error:
        created = 0.0  # it has ended: none will be the same
    return {"pid": pid, "created": created, "birth": _birth(pid)}


def find_running(identified: Any) -> int | None:
    """Return the number of the process with this `identity` while it runs; None of anything else."""
    try:
        pid = int(identified["pid"])
        if identified.get("birth") is not None:
            same = identified["birth"] == _birth(pid)
        else:
            process = psutil.Process(pid)
            same = abs(process.create_time() - identified["created"]) < _CLOCK_STEP_SECONDS
            same = same and not _ended(process)
    except (AttributeError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return pid if same else None


def kill_and_wait(identified: Any, seconds: float) -> bool:
    """Kill the process with this `identity`, if it runs; False when it has not ended after `seconds`."""
    deadline = time.monotonic() + seconds
    pid = find_running(identified)
    if pid is not None:
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).kill()
    while find_running(identified) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def mark_of(pid: int) -> str:
    """Return 8 hexadecimal digits that no other process with this number has; "" where nothing tells them."""
    birth = _birth(pid)
    return "" if birth is None else hashlib.sha256(birth.encode()).hexdigest()[:8]


def is_still_running(pid: int, mark: str, when: float) -> bool:
    """Whether the process that had this number and `mark_of` at the wall-clock time `when` is still there."""
    if pid <= 0:
        return False
    if mark and (now := mark_of(pid)):
        return now == mark
    try:  # a number used again is another process, which began later
        process = psutil.Process(pid)
        return process.create_time() <= when + _CLOCK_STEP_SECONDS and not _ended(process)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _ended(process: psutil.Process) -> bool:
    """Whether a process is only waiting for its parent to take note of its end.

    One whose first thread has ended looks the same while the others go on.
    """
    return bool(process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1)


def _birth(pid: int) -> str | None:
    """Return which start of the system a process belongs to, and when it began since then.

    On Linux the wall-clock time of a process' start moves whenever the clock is set. None on other systems,
    and for a process that has ended.
    """
    if sys.platform != "linux":
        return None
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        if state[0] == "X" or (state[0] == "Z" and int(state[17]) <= 1):  # threads
            return None
        return f"{_BOOT.read_text('ascii').strip()} {state[19]}"
    except (OSError, IndexError):
        return None
