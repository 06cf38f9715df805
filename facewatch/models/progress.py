"""Progress and timeouts of a download."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

REPORT_SECONDS = 0.2  # between two reports
WINDOW_SECONDS = 5.0  # over which the speed is averaged


@dataclass(frozen=True)
class DownloadTimeouts:
    """The limits and pauses of a download, and the clocks that measure them."""

    max_failures: int = 5  # in a row before the next address
    max_attempts: int = 200  # at one address, however much they receive
    first_pause_seconds: float = 1.0  # doubled at each failure, plus or minus half
    max_pause_seconds: float = 30.0
    connect_seconds: float = 15.0
    stall_seconds: float = 30.0  # without a byte
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random  # 0-1


DEFAULT_TIMEOUTS = DownloadTimeouts()


@dataclass(frozen=True)
class Progress:
    """One report."""

    name: str  # of the model
    done_bytes: int
    total_bytes: int | None  # None: the server does not say
    bytes_per_second: float

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end at this speed; None if that is unknown."""
        if self.total_bytes is None or self.bytes_per_second <= 0:
            return None
        return (self.total_bytes - self.done_bytes) / self.bytes_per_second


class Meter:
    """Turns byte counts into reports at a limited rate."""

    def __init__(
        self, name: str, on_progress: Callable[[Progress], None], clock: Callable[[], float]
    ) -> None:
        self._name = name
        self._on_progress = on_progress
        self._clock = clock
        self._points: deque[tuple[float, int]] = deque()
        self._reported_at = float("-inf")

    def start(self, done_bytes: int, total_bytes: int | None) -> None:
        """Start measuring with `done_bytes` that a former attempt received."""
        self._points.clear()
        self._points.append((self._clock(), done_bytes))
        self._report(done_bytes, total_bytes)

    def advance(self, done_bytes: int, total_bytes: int | None) -> None:
        """Record the bytes received; report them if it is time, or the end is reached."""
        now = self._clock()
        self._points.append((now, done_bytes))
        while len(self._points) > 2 and self._points[1][0] < now - WINDOW_SECONDS:
            self._points.popleft()
        if now - self._reported_at >= REPORT_SECONDS or done_bytes == total_bytes:
            self._report(done_bytes, total_bytes)

    def _report(self, done_bytes: int, total_bytes: int | None) -> None:
        (first, start_bytes), (last, end_bytes) = self._points[0], self._points[-1]
        self._reported_at = last
        speed = (end_bytes - start_bytes) / (last - first) if last > first else 0.0
        self._on_progress(Progress(self._name, done_bytes, total_bytes, speed))
