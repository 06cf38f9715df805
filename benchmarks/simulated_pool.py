"""Simulated workers for the driver of an archive: they take time on a clock of their own."""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from facewatch.archive.photo import empty_row
from facewatch.archive.pool import Answered, Event, Ready
from facewatch.archive.store import Attributes
from facewatch.archive.types import Finished, Listed, Reply, Task, WorkPlan
from facewatch.archive.worker import AHEAD_SECONDS, LINGER_SECONDS, MOST_HELD, REPLY_SECONDS
from facewatch.errors import SourceGone


class Clock:
    """Simulated seconds, to which the driver's own computing adds, and that of other programs does not."""

    def __init__(self, *, with_driver: bool) -> None:
        """Begin at 0; `with_driver` adds the processor time of this process."""
        self.simulated = 0.0
        self._with_driver = with_driver
        self._began = time.process_time()

    def __call__(self) -> float:
        """Return the time."""
        return self.simulated + self.driver_seconds

    @property
    def driver_seconds(self) -> float:
        """Processor time of this process since the start."""
        return time.process_time() - self._began if self._with_driver else 0.0


@dataclass
class _Worker:
    free_at: float
    done: deque[tuple[float, Task]] = field(default_factory=deque)  # when each photo is finished


class SimulatedPool:
    """So many workers, each of which needs the same time for every photo."""

    def __init__(
        self, plan: WorkPlan, size: int, photo_seconds: float, clock: Clock, call_seconds: float = 0.0
    ) -> None:
        """Take the time of a photo, and what a call of Ray costs the driver."""
        self._plan = plan
        self._size = size
        self._photo_seconds = photo_seconds
        self._clock = clock
        self._call_seconds = call_seconds
        self._workers: dict[str, _Worker] = {}
        self._answers: list[tuple[float, int, str]] = []  # when, order, worker
        self._order = 0
        self._new: list[Event] = []
        self._wants = min(MOST_HELD, 4 + math.ceil(AHEAD_SECONDS / photo_seconds))

    def capacity(self) -> int:
        return self._size

    def begin(self, worker: str) -> None:
        self._workers[worker] = _Worker(self._clock())
        self._new.append(Ready(worker, "simulated"))

    def give(self, worker: str, tasks: tuple[Task, ...]) -> None:
        self._clock.simulated += self._call_seconds
        one, now = self._workers[worker], self._clock()
        one.free_at = max(one.free_at, now)
        for task in tasks:
            one.free_at += self._photo_seconds
            one.done.append((one.free_at, task))
        first = max(now, one.done[0][0]) + LINGER_SECONDS if one.done else now + REPLY_SECONDS
        at = min(now + REPLY_SECONDS, first, max(now, one.free_at))
        self._order += 1
        heapq.heappush(self._answers, (at, self._order, worker))

    def wait(self, seconds: float) -> Sequence[Event]:
        if self._new:
            events, self._new = self._new, []
            return events
        if not self._answers:
            self._clock.simulated += seconds
            return []
        self._clock.simulated += max(0.0, self._answers[0][0] - self._clock())
        now, found = self._clock(), list[Event]()
        while self._answers and self._answers[0][0] <= now:
            worker = heapq.heappop(self._answers)[2]
            found.append(Answered(worker, Reply(tuple(self._finished(worker, now)), self._wants)))
        return found

    def _finished(self, worker: str, now: float) -> Iterator[Finished]:
        done = self._workers[worker].done
        while done and done[0][0] <= now:
            task = done.popleft()[1]
            about = {"outcome": "restored", "error": "", "reason": ""}
            yield Finished(task.number, empty_row(self._plan, task, **about, worker=worker))

    def end(self, worker: str) -> None:
        del self._workers[worker]


class EndlessSource:
    """A source that lists so many photos, and holds none of them."""

    address = shown = "simulated"
    local: Path | None = None

    def __init__(self, count: int) -> None:
        self._count = count

    def photos(self) -> Iterator[Listed]:
        for number in range(self._count):
            yield Listed(f"{number // 1000:06d}/{number:09d}.jpg", "1000000-1", 1_000_000)

    def files(self, below: str = "") -> Iterator[str]:  # noqa: ARG002
        return iter(())

    def fetch(self, name: str, scratch: Path, size_bytes: int = 0) -> Path:  # noqa: ARG002
        raise SourceGone("a simulated photo has no file")

    def open(self, name: str, *, own: bool = False) -> BinaryIO:  # noqa: ARG002
        raise FileNotFoundError(name)

    def exists(self, name: str) -> bool:  # noqa: ARG002
        return False

    def put_new(
        self,
        file: Path,  # noqa: ARG002
        name: str,  # noqa: ARG002
        sha256: str,  # noqa: ARG002
        attributes: Attributes | None = None,  # noqa: ARG002
    ) -> bool:
        return False

    def remove(self, name: str) -> None:
        raise FileNotFoundError(name)

    def clean(self) -> None:
        """Leave it as it is."""
