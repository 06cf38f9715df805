"""Processes: facewatch's own command line, and identities that survive the reuse of process ids."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

NICE = 10
"""A tenth of a core where another program wants it; at 19 a large photo could outlast its timeout."""
_AUTOGROUP = Path("/proc/self/autogroup")
_CLOCK_STEP_SECONDS = 2.0  # times of files and of processes come from different clocks
_POLL_SECONDS = 0.01
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def facewatch_command(*arguments: str) -> list[str]:
    """Return the command line that runs facewatch with `arguments`, frozen into an app or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    return [sys.executable, "-m", "facewatch", *arguments]


def child_environment() -> dict[str, str]:
    """Return the environment for a child process, which must not import from the working directory."""
    return {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}


def system_environment() -> dict[str, str]:
    """Return the environment for programs of the system: without the libraries that a frozen app brings."""
    environment = dict(os.environ)
    if getattr(sys, "frozen", False):
        for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
            environment.pop(name, None)
            original = environment.pop(f"{name}_ORIG", None)
            if original:
                environment[name] = original
        _remove_bundle_paths(environment)
    return environment


def _remove_bundle_paths(environment: dict[str, str]) -> None:
    """Remove paths into the frozen app: a file manager must not load the app's GTK modules."""
    bundle = os.fspath(getattr(sys, "_MEIPASS", Path(sys.executable).parent))
    for name, value in list(environment.items()):
        parts = value.split(os.pathsep)
        kept = [part for part in parts if part != bundle and not part.startswith(bundle + os.sep)]
        if not kept:
            del environment[name]
        elif kept != parts:
            environment[name] = os.pathsep.join(kept)


def lower_priority() -> None:
    """Let other programs go first, for processor and disk, in this process and what it starts.

    Call it before there are threads that compute: on Linux each thread has a priority, and inherits it.
    """
    process = psutil.Process()
    with contextlib.suppress(psutil.Error, OSError):  # a container may forbid it; the work matters more
        if sys.platform == "win32":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            process.ionice(psutil.IOPRIO_LOW)
        else:
            process.nice(max(process.nice(), NICE))
        if sys.platform == "linux":
            process.ionice(psutil.IOPRIO_CLASS_IDLE)
    if sys.platform == "linux" and os.getsid(0) == os.getpid():
        # Linux shares the processor out among sessions first, and this process leads one.
        with contextlib.suppress(OSError):  # a kernel without autogroups
            _AUTOGROUP.write_text(str(NICE))


def identity(pid: int) -> dict[str, Any]:
    """Return JSON data that identifies this process, even if its id is reused later."""
    try:
        created = psutil.Process(pid).create_time()
    except psutil.Error:
        created = 0.0  # it has ended: no process will match
    return {"pid": pid, "created": created, "birth": _birth(pid)}


def find_running(identified: Any) -> int | None:
    """Return the id of the process with this `identity` while it runs; None otherwise, or for other data."""
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
    """Kill the process with this `identity`, if it runs; return False if it has not ended after `seconds`."""
    deadline = time.monotonic() + seconds
    pid = find_running(identified)
    if pid is not None:
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).kill()
    while find_running(identified) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def mark_of(pid: int) -> str:
    """Return 8 hexadecimal digits that distinguish a process from others with its id; "" if unsupported."""
    birth = _birth(pid)
    return "" if birth is None else hashlib.sha256(birth.encode()).hexdigest()[:8]


def is_still_running(pid: int, mark: str, when: float) -> bool:
    """Return True if the process with this id and `mark_of` at the wall-clock time `when` still runs."""
    if pid <= 0:
        return False
    if mark and (now := mark_of(pid)):
        return now == mark
    try:  # a process with a reused id began later
        process = psutil.Process(pid)
        return process.create_time() <= when + _CLOCK_STEP_SECONDS and not _ended(process)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _ended(process: psutil.Process) -> bool:
    """Return True if a process is a zombie without running threads.

    A process whose first thread has ended looks like a zombie while its other threads run.
    """
    return bool(process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1)


def _birth(pid: int) -> str | None:
    """Return the boot id of the system and the start time of a process since that boot.

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


def total_memory_bytes() -> int:
    """Return the memory of the machine."""
    return int(psutil.virtual_memory().total)


def processor_seconds() -> tuple[float, float]:
    """Return the seconds that all cores, and those that this process, have computed so far."""
    times = psutil.cpu_times()
    idle = (getattr(times, name, 0.0) for name in ("idle", "iowait", "guest", "guest_nice"))
    own = psutil.Process().cpu_times()  # a guest's time is counted among the user's too
    return float(sum(times) - sum(idle)), float(own.user + own.system)


def wait(seconds: float) -> None:
    """Wait; unlike time.sleep, it also works while the clock is faked."""
    threading.Event().wait(seconds)


def processor_use(seconds: float) -> float:
    """Return the share of all cores, 0-1, that is in use during the next seconds."""
    psutil.cpu_percent(None)  # from here on
    wait(seconds)
    return float(psutil.cpu_percent(None)) / 100
