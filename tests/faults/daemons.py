"""Daemons in a changed environment, and questions about what a daemon has recorded."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from facewatch.state.ledger import Job, LedgerView
from tests.daemon_process import DaemonProcess


def pieces(data: bytes, count: int) -> list[bytes]:
    """Split the data into at most `count` pieces of equal size; the last may be shorter."""
    step = -(-len(data) // count)
    return [data[start : start + step] for start in range(0, len(data), step)]


def job_of(daemon: DaemonProcess, photo: Path | str) -> Job | None:
    """Return the ledger's job for a photo, whose relative path is in the inbox; None if unknown."""
    return LedgerView(daemon.places.ledger).photo(daemon.inbox / photo)


def problems(daemon: DaemonProcess) -> str:
    """Return the problems that the daemon reports for its watched folders."""
    return "; ".join((LedgerView(daemon.places.ledger).fact("watching") or {}).get("problems", []))


def seconds_until(
    daemon: DaemonProcess, condition: Callable[[], bool], description: str, limit_seconds: float
) -> float:
    """Wait until the condition holds; return the seconds that it took."""
    began = time.monotonic()
    daemon.wait_for(condition, description, limit_seconds)
    return time.monotonic() - began


class WrappedDaemon(DaemonProcess):
    """A daemon with a prefix to its command, another program, or additions to its environment."""

    prefix: Sequence[str] = ()
    extra_environment: Mapping[str, str] = {}
    program: Sequence[str] = ("-m", "facewatch")  # the arguments of Python

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.extra_environment}

    def start_command(self) -> list[str]:
        return [*self.prefix, sys.executable, *self.program, "run", "--no-tray"]


NO_EVENTS = """
from watchdog.observers.api import EventEmitter
EventEmitter.queue_event = lambda self, event: None
from facewatch.cli.main import main
main()
"""
"""A `program` for WrappedDaemon whose observer drops every event."""

FAST_CHECK_SECONDS = 2
FAST_CHECKS = f"""
from facewatch.watcher import watcher
watcher.CHECK_SECONDS = {FAST_CHECK_SECONDS}
from facewatch.cli.main import main
main()
"""
"""A `program` for WrappedDaemon that checks its folders every 2 s instead of every 10."""


class WallClock:
    """A wall clock (libfaketime) that can be moved while a daemon with this `extra_environment` runs.

    The monotonic clock and the times of files stay the machine's.
    """

    LIBRARY = "libfaketimeMT.so.1"

    def __init__(self, home: Path) -> None:
        folders = [
            Path("/usr/lib"),
            *Path("/usr/lib").glob("*-linux-*"),
            Path("/usr/lib64"),
            Path("/usr/local/lib"),
        ]
        found = [path for folder in folders if (path := folder / "faketime" / self.LIBRARY).exists()]
        if not found:
            pytest.skip(f"needs {self.LIBRARY} (package faketime), which this machine does not have")
        self._file = home / "clock.txt"
        self._offset_seconds = 0
        self.move(0)
        self.extra_environment = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def move(self, seconds: int) -> None:
        """Move the clock forward, or back if `seconds` is negative."""
        self._offset_seconds += seconds
        new = self._file.with_suffix(".new")
        new.write_text(f"{self._offset_seconds:+d}s\n", "ascii")
        new.replace(self._file)
