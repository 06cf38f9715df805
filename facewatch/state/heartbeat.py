"""A sign of life from one process to another: a file that is touched now and then.

Only that the file's time changes says something, never which time it is: clocks are moved.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from facewatch.system.paths import Places

log = logging.getLogger(__name__)

BEAT_SECONDS = 3.0
LONGEST_STEP_SECONDS = 5.0  # more between two looks: the machine slept, or the one who looks was stopped


def tray_heartbeat_file(places: Places) -> Path:
    """The file that the tray touches."""
    return places.state / "tray.beat"


class Heartbeat:
    """The side that lives. `beat` may be called as often as one likes."""

    def __init__(
        self,
        file: Path,
        soon: Callable[[Callable[[], None]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """soon  has something done by the loop whose life is to be shown"""
        self._file = file
        self._soon = soon
        self._clock = clock
        self._next = clock()

    def beat(self) -> None:
        """Ask the loop to touch the file, every few seconds."""
        if self._clock() >= self._next:
            self._next = self._clock() + BEAT_SECONDS
            self._soon(self._touch)

    def _touch(self) -> None:
        try:
            self._file.touch()
        except OSError as error:
            log.warning("%s cannot be touched: %s", self._file, error.strerror)


class HeartbeatMonitor:
    """The side that looks."""

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._looked_at = clock()
        self._silent_seconds = 0.0
        self._last: int | None = None

    def begin(self) -> None:
        """Count from now; makes the file, so that one who lives but cannot make it is not taken for dead."""
        try:
            self._file.touch()
        except OSError as error:
            log.warning("%s cannot be made, so no sign of life is seen: %s", self._file, error.strerror)
        self._last = self._time()
        self._looked_at = self._clock()
        self._silent_seconds = 0.0

    def silent_seconds(self) -> float:
        """How long there was no sign of life; 0 where it cannot be seen. Call it about once a second."""
        now, seen = self._clock(), self._time()
        if seen is None or seen != self._last:
            self._last, self._silent_seconds = seen, 0.0
        else:
            self._silent_seconds += min(now - self._looked_at, LONGEST_STEP_SECONDS)
        self._looked_at = now
        return self._silent_seconds

    def _time(self) -> int | None:
        try:
            return self._file.stat().st_mtime_ns
        except OSError:
            return None
