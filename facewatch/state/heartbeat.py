"""A process's sign of life: a file that it touches every few seconds.

Only a change of the file's time counts, never its value: clocks can be set.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from facewatch.system.paths import Places

log = logging.getLogger(__name__)

BEAT_SECONDS = 3.0
LONGEST_STEP_SECONDS = 5.0  # a longer time between two looks: the machine slept, or the monitor was stopped


def tray_heartbeat_file(places: Places) -> Path:
    """Return the path of the file that the tray touches."""
    return places.state / "tray.beat"


class Heartbeat:
    """The monitored side; `beat` may be called at any rate."""

    def __init__(
        self,
        file: Path,
        schedule: Callable[[Callable[[], None]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """schedule  runs a callback in the event loop that is monitored"""
        self._file = file
        self._schedule = schedule
        self._clock = clock
        self._next = clock()

    def beat(self) -> None:
        """Ask the loop to touch the file, every few seconds."""
        if self._clock() >= self._next:
            self._next = self._clock() + BEAT_SECONDS
            self._schedule(self._touch)

    def _touch(self) -> None:
        try:
            self._file.touch()
        except OSError as error:
            log.warning("cannot touch %s: %s", self._file, error.strerror)


class HeartbeatMonitor:
    """The monitoring side."""

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._checked_at = clock()
        self._silent_seconds = 0.0
        self._last_mtime_ns: int | None = None

    def begin(self) -> None:
        """Restart the count; create the file, so that a process that cannot create it does not seem hung."""
        try:
            self._file.touch()
        except OSError as error:
            log.warning("cannot create %s, so a hang cannot be noticed: %s", self._file, error.strerror)
        self._last_mtime_ns = self._mtime_ns()
        self._checked_at = self._clock()
        self._silent_seconds = 0.0

    def silent_seconds(self) -> float:
        """Return the seconds without a sign of life; 0 if the file cannot be read.

        Call it about once a second.
        """
        now, mtime_ns = self._clock(), self._mtime_ns()
        if mtime_ns is None or mtime_ns != self._last_mtime_ns:
            self._last_mtime_ns, self._silent_seconds = mtime_ns, 0.0
        else:
            self._silent_seconds += min(now - self._checked_at, LONGEST_STEP_SECONDS)
        self._checked_at = now
        return self._silent_seconds

    def _mtime_ns(self) -> int | None:
        try:
            return self._file.stat().st_mtime_ns
        except OSError:
            return None
