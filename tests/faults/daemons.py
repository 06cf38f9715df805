"""How photos arrive, and a daemon that runs in other extra_environment than this process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from facewatch.state.ledger import Job, LedgerView
from tests.daemon_process import DaemonProcess


def pieces(data: bytes, count: int) -> list[bytes]:
    """The data in so many pieces."""
    step = -(-len(data) // count)
    return [data[start : start + step] for start in range(0, len(data), step)]


def job_of(daemon: DaemonProcess, photo: Path | str) -> Job | None:
    """What the ledger has of a photo; a relative name is one in the inbox."""
    return LedgerView(daemon.places.ledger).photo(daemon.inbox / photo)


def problems(daemon: DaemonProcess) -> str:
    """What the daemon says of its folders."""
    return "; ".join((LedgerView(daemon.places.ledger).fact("watching") or {}).get("problems", []))


def seconds_until(daemon: DaemonProcess, claim: Callable[[], bool], what: str, limit: float) -> float:
    """Wait for the claim; how long it took."""
    began = time.monotonic()
    daemon.wait_for(claim, what, limit)
    return time.monotonic() - began


class WrappedDaemon(DaemonProcess):
    """A daemon whose command has something before it, and whose environment has something added."""

    prefix: Sequence[str] = ()
    extra_environment: Mapping[str, str] = {}
    program: Sequence[str] = ("-m", "facewatch")  # what Python runs

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.extra_environment}

    def start(self) -> None:
        with (self.places.config.parent / "console.txt").open("ab") as said:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, *self.program, "run", "--no-tray"],
                stdout=said,
                stderr=said,
                env=self.environment,
            )
        self.wait_for(self.places.pid.exists, "the daemon to start")


NO_EVENTS = """
from watchdog.observers.api import EventEmitter
EventEmitter.queue_event = lambda self, event: None
from facewatch.cli.main import main
main()
"""
"""A `program` for WrappedDaemon: its observer drops every event."""

FAST_CHECK_SECONDS = 2
FAST_CHECKS = f"""
from facewatch.watcher import watcher
watcher.CHECK_SECONDS = {FAST_CHECK_SECONDS}
from facewatch.cli.main import main
main()
"""
"""A `program` for WrappedDaemon: looks at its folders every 2 s instead of every 10."""


class WallClock:
    """The wall clock of a daemon that runs with these `extra_environment`: it can be moved while the daemon runs.

    The clock that counts seconds and the times of files stay the machine's.
    """

    LIBRARY = "libfaketimeMT.so.1"

    def __init__(self, folder: Path) -> None:
        places = [
            Path("/usr/lib"),
            *Path("/usr/lib").glob("*-linux-*"),
            Path("/usr/lib64"),
            Path("/usr/local/lib"),
        ]
        found = [path for place in places if (path := place / "faketime" / self.LIBRARY).exists()]
        if not found:
            pytest.skip(f"needs {self.LIBRARY} (of the package faketime), which this machine does not have")
        self._file = folder / "clock.txt"
        self._ahead = 0
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
        """Put the clock forward, or back."""
        self._ahead += seconds
        new = self._file.with_suffix(".new")
        new.write_text(f"{self._ahead:+d}s\n", "ascii")
        new.replace(self._file)
