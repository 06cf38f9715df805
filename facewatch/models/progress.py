"""How far a fetch has come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

TELL_SECONDS = 0.2  # between two reports
WINDOW_SECONDS = 5.0  # the speed is the mean over this


@dataclass(frozen=True)
class Progress:
    """One report."""

    name: str  # of the model
    done_bytes: int
    total_bytes: int | None  # None: the server does not say
    bytes_per_second: float

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end at this speed; None while that cannot be known."""
        if self.total_bytes is None or self.bytes_per_second <= 0:
            return None
        return (self.total_bytes - self.done_bytes) / self.bytes_per_second


class Meter:
    """Turns byte counts into reports, not too many of them."""

    def __init__(self, name: str, tell: Callable[[Progress], None], clock: Callable[[], float]) -> None:
        self._name = name
        self._tell = tell
        self._clock = clock
        self._points: deque[tuple[float, int]] = deque()
        self._told = float("-inf")

    def start(self, done_bytes: int, total_bytes: int | None) -> None:
        """Begin counting at bytes that are there already."""
        self._points.clear()
        self._points.append((self._clock(), done_bytes))
        self._report(done_bytes, total_bytes)

    def advance(self, done_bytes: int, total_bytes: int | None) -> None:
        """Count; tell when it is time or the end is reached."""
        now = self._clock()
        self._points.append((now, done_bytes))
        while len(self._points) > 2 and self._points[1][0] < now - WINDOW_SECONDS:
            self._points.popleft()
        if now - self._told >= TELL_SECONDS or done_bytes == total_bytes:
            self._report(done_bytes, total_bytes)

    def _report(self, done_bytes: int, total_bytes: int | None) -> None:
        (first, start_bytes), (last, end_bytes) = self._points[0], self._points[-1]
        self._told = last
        speed = (end_bytes - start_bytes) / (last - first) if last > first else 0.0
        self._tell(Progress(self._name, done_bytes, total_bytes, speed))
