"""Queue of an archive's run: which photo goes to which worker, and what becomes of those that come back."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from facewatch.archive.policy import DEATHS, HOLDS, wait_seconds
from facewatch.archive.types import Finished, Listed, Returned, Task

MOST_IN_ROW = 4  # photos held back in a row, after which the next one is not tried later still: 8 seconds


class TaskQueue:
    """The photos that are listed and not finished; holds only those that workers hold or gave back."""

    def __init__(self, photos: Iterator[Listed]) -> None:
        """Take the listing; it is read as photos are needed."""
        self._photos = photos
        self._listed = False
        self._number = 0
        self._held: dict[str, dict[int, Task]] = {}  # worker -> what it holds
        self._again: deque[Task] = deque()
        self._suspects: deque[Task] = deque()  # each goes alone to a worker that holds nothing
        self._emptying: set[str] = set()  # workers that get nothing until they hold nothing
        self._waiting: list[tuple[float, int, Task]] = []  # not before a time; a heap
        self._holds_in_row: set[int] = set()  # photos for which a store was at fault, since the last success
        self._closed_until = 0.0
        self._successes = 0
        self._seen: dict[int, int] = {}  # held photo -> successes when it was first held

    @property
    def empty(self) -> bool:
        """True when every listed photo is finished."""
        left = self._again or self._suspects or self._waiting or any(self._held.values())
        return self._listed and not left

    @property
    def stuck(self) -> bool:
        """True while stores or disks fail for several photos in a row: one at a time is tried then."""
        return len(self._holds_in_row) > 1

    def held_by(self, worker: str) -> int:
        """Return how many photos a worker holds."""
        return len(self._held.get(worker, ()))

    def take(self, worker: str, wants: int, now: float) -> tuple[Task, ...]:
        """Return the photos to give to a worker now, so that it holds `wants` of them."""
        held = self._held.setdefault(worker, {})
        if now < self._closed_until or any(task.deaths for task in held.values()):
            return ()
        if self._suspects and not (held or self.stuck):
            self._emptying.discard(worker)
            return self._give(worker, [self._suspects.popleft()])
        if self._empties(worker):
            return ()
        wants = min(wants, 0 if any(self._held.values()) else 1) if self.stuck else wants
        tasks: list[Task] = []
        while len(held) + len(tasks) < wants and (task := self._next(now)) is not None:
            tasks.append(task)
        return self._give(worker, tasks)

    def _empties(self, worker: str) -> bool:
        """Return whether a worker gets nothing now because it is to take a suspect next, alone."""
        if not self._suspects:
            self._emptying.clear()
        elif len(self._emptying) < len(self._suspects) and not self.stuck:
            self._emptying.add(worker)
        return worker in self._emptying

    def _next(self, now: float) -> Task | None:
        """Return the next photo; while the queue is stuck a new one, which may not share their fault."""
        if self._again:
            return self._again.popleft()
        if self.stuck and (task := self._listed_next()) is not None:
            return task
        if self._waiting and self._waiting[0][0] <= now:
            return heapq.heappop(self._waiting)[2]
        return self._listed_next()

    def _listed_next(self) -> Task | None:
        photo = next(self._photos, None) if not self._listed else None
        if photo is None:
            self._listed = True
            return None
        self._number += 1
        return Task(self._number, photo)

    def _give(self, worker: str, tasks: list[Task]) -> tuple[Task, ...]:
        self._held[worker].update({task.number: task for task in tasks})
        return tuple(tasks)

    def finished(self, worker: str, result: Finished) -> None:
        """Count a photo that has reached its end."""
        self._held[worker].pop(result.number, None)
        self._seen.pop(result.number, None)
        if result.row.output or not result.row.error:
            self._successes += 1
            self._holds_in_row.clear()

    def returned(self, worker: str, result: Returned, now: float) -> Task | None:
        """Keep a photo that came back for another try; return it if it has had its last one."""
        task = self._held[worker].pop(result.number)
        if result.fate == "suspect":
            return self._suspect(task)
        if result.fate == "again":
            self._again.append(replace(task, tries=task.tries + 1))
            return None
        return self._hold(task, now)

    def _suspect(self, task: Task) -> Task | None:
        task = replace(task, deaths=task.deaths + 1)
        if task.deaths >= DEATHS:
            return task
        self._suspects.append(task)
        return None

    def _hold(self, task: Task, now: float) -> Task | None:
        task = replace(task, holds=task.holds + 1)
        seen = self._seen.setdefault(task.number, self._successes)
        if task.holds >= HOLDS and self._successes > seen:
            self._seen.pop(task.number)
            return task
        self._holds_in_row.add(task.number)
        heapq.heappush(self._waiting, (now + wait_seconds(task.holds), task.number, task))
        if self.stuck:
            in_row = min(len(self._holds_in_row) - 1, MOST_IN_ROW)
            self._closed_until = max(self._closed_until, now + wait_seconds(in_row))
        return None

    def died(self, worker: str) -> list[Task]:
        """Keep what a dead worker held for others; return the photos that have killed DEATHS of them."""
        self._emptying.discard(worker)
        held = self._held.pop(worker, {})
        return [task for task in map(self._suspect, held.values()) if task is not None]

    def gone(self, worker: str) -> None:
        """Forget a worker that was ended while it held nothing."""
        self._emptying.discard(worker)
        self._held.pop(worker, None)
