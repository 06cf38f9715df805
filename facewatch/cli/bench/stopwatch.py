"""Seconds by stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Stopwatch:
    """Adds up what each stage of one repetition takes; a stage may be entered often, and from any thread."""

    def __init__(
        self, settle: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """
        settle  waits until the device has done what it was asked; called before the clock is read
        """
        self.settle = settle
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside as this stage's."""
        started = self._clock()
        yield
        self.settle()
        with self._lock:
            self._seconds[name] = self._seconds.get(name, 0.0) + self._clock() - started

    def attach(self, thing: Any, method: str, name: str) -> None:
        """From now on count every call of `thing.method` as a stage."""
        original = getattr(thing, method)

        def timed(*positional: Any, **named: Any) -> Any:
            with self.stage(name):
                return original(*positional, **named)

        setattr(thing, method, timed)

    def take(self) -> dict[str, float]:
        """The stages since the last time, and begin anew."""
        taken, self._seconds = self._seconds, {}
        return taken
