"""A stopwatch that counts seconds by stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Stopwatch:
    """Sum of seconds for each stage of a repetition; threads may enter a stage often."""

    def __init__(
        self, synchronize: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """
        synchronize  waits until the device has finished; called before the clock is read
        """
        self.synchronize = synchronize
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to this stage."""
        started = self._clock()
        yield
        self.synchronize()
        with self._lock:
            self._seconds[name] = self._seconds.get(name, 0.0) + self._clock() - started

    def attach(self, thing: Any, method: str, name: str) -> None:
        """Count every further call of `thing.method` as a stage."""
        original = getattr(thing, method)

        def timed(*positional: Any, **named: Any) -> Any:
            with self.stage(name):
                return original(*positional, **named)

        setattr(thing, method, timed)

    def take(self) -> dict[str, float]:
        """Return the stages since the last call, and start again from zero."""
        taken, self._seconds = self._seconds, {}
        return taken
