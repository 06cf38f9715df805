"""Threads of the networks, as many as there are free cores, measured between photos."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from facewatch.system.processes import processor_seconds, wait

LATEST_SECONDS = 20.0  # an older measurement says too little about now
SHORT_SECONDS = 0.1


class FittedThreads:
    """Fits the number of threads to the cores that other programs leave.

    Threads of one network wait for each other: a core that others use as well slows down all of them. At low
    priority, one of two cores is then faster alone (docs/performance.md).
    """

    def __init__(
        self,
        most: int,
        use: Callable[[int], object],
        clock: Callable[[], float] = time.monotonic,
        seconds: Callable[[], tuple[float, float]] = processor_seconds,
        sleep: Callable[[float], object] = wait,
    ) -> None:
        """Store the arguments.

        most     number of threads on a machine of our own
        use      sets the number of threads
        seconds  as `processor_seconds`
        """
        self._most = most
        self._use = use
        self._clock = clock
        self._seconds = seconds
        self._sleep = sleep
        self._sampled_at = -math.inf
        self._sample = 0.0, 0.0
        self._threads = most

    def fit(self) -> None:
        """Measure what others use of the processor, and set the number of threads; call it between photos."""
        if self._clock() - self._sampled_at > LATEST_SECONDS:
            self._take_sample()
            self._sleep(SHORT_SECONDS)
        elif self._clock() - self._sampled_at < SHORT_SECONDS:
            return
        before, since = self._sample, self._sampled_at
        self._take_sample()
        used = self._sample[0] - before[0] - (self._sample[1] - before[1])
        threads = fitting(self._most, used / (self._sampled_at - since))
        if threads != self._threads:
            self._threads = threads
            self._use(threads)

    def _take_sample(self) -> None:
        self._sampled_at, self._sample = self._clock(), self._seconds()


def fitting(most: int, others: float) -> int:
    """Return how many of at most `most` threads are the fastest at low priority.

    others  cores that other programs use

    Where no core is free, every thread gets a little of one.
    """
    return min(most, max(0, round(most - others))) or most
