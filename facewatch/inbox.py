"""Paths in from any thread, settled paths out to one."""

from __future__ import annotations

import heapq
import itertools
import os
import stat as modes
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOOKS = 4096  # first looks in one call, so that a large backlog does not hold up the files that are due


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What of a file changes when its content does."""

    inode: int
    size: int  # bytes
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Fingerprint:
        """The fingerprint in what `os.stat` or `os.fstat` told."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Settled:
    """A file that has been quiet long enough, and how it looked all that time."""

    path: Path
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class _Waiting:
    name: str
    settle_seconds: float
    seen: Fingerprint | None = None  # None: not looked at yet


class Inbox:
    """Holds each path until its file has been quiet for `settle_seconds`.

    A file is looked at twice: when `settled` first meets it, and when its time is up; 100,000 waiting paths
    cost nothing in between. `settle_seconds` may be set anew; it holds for what is put from then on.
    """

    def __init__(
        self,
        settle_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        stat: Callable[[str], os.stat_result] = os.stat,
    ) -> None:
        self.settle_seconds = settle_seconds
        self._clock = clock
        self._stat = stat
        self._changed = threading.Condition()
        self._known: set[str] = set()
        self._fresh: deque[_Waiting] = deque()
        self._due: list[tuple[float, int, _Waiting]] = []  # a heap: clock seconds, order of arrival
        self._order = itertools.count()
        self._in_hand = 0
        self._woken = False

    def put(self, path: Path, settle_seconds: float | None = None) -> None:
        """Note that something happened to `path`. Cheap, from any thread; never raises.

        settle_seconds  how long this file has to be quiet, if not as long as the others (a network share)

        A path that waits already goes on waiting: only a change of the file itself makes it wait anew.
        """
        name = os.fspath(path)
        quiet = self.settle_seconds if settle_seconds is None else settle_seconds
        with self._changed:
            if name in self._known:
                return
            self._known.add(name)
            self._fresh.append(_Waiting(name, quiet))
            if len(self._fresh) == 1:
                self._changed.notify_all()

    def settled(self, limit: int = 256) -> list[Settled]:
        """At most `limit` quiet files, taken out, oldest first. One thread only may call this.

        What has vanished, cannot be looked at, or is no regular file is dropped; the next scan offers it
        again if it should come back.
        """
        quiet: list[Settled] = []
        moving: list[tuple[float, _Waiting]] = []
        for waiting in self._take(limit):
            seen = self._look(waiting.name)
            if seen is None:
                continue
            if seen == waiting.seen:
                quiet.append(Settled(Path(waiting.name), seen))
            else:
                again = _Waiting(waiting.name, waiting.settle_seconds, seen)
                moving.append((self._clock() + waiting.settle_seconds, again))
        self._put_back(moving)
        return quiet

    def wait(self, timeout: float) -> None:
        """Return when a call of `settled` may bring something, after `wake`, or after `timeout` seconds."""
        with self._changed:
            pause = timeout
            if self._due:
                pause = min(pause, self._due[0][0] - self._clock())
            if not self._woken and not self._fresh and pause > 0:
                self._changed.wait(pause)
            self._woken = False

    def wake(self) -> None:
        """End the `wait` under way, or else the next one."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def __len__(self) -> int:
        """How many paths wait."""
        with self._changed:
            return len(self._known) + self._in_hand

    def _take(self, limit: int) -> list[_Waiting]:
        """What has to be looked at now; no longer known, so that an event meanwhile puts it in again."""
        with self._changed:
            now = self._clock()
            taken: list[_Waiting] = []
            while self._due and self._due[0][0] <= now and len(taken) < limit:
                taken.append(heapq.heappop(self._due)[2])
            taken += [self._fresh.popleft() for _ in range(min(LOOKS, len(self._fresh)))]
            self._known.difference_update(waiting.name for waiting in taken)
            self._in_hand = len(taken)
            return taken

    def _put_back(self, moving: list[tuple[float, _Waiting]]) -> None:
        with self._changed:
            self._in_hand = 0
            for due, waiting in moving:
                if waiting.name not in self._known:
                    self._known.add(waiting.name)
                    heapq.heappush(self._due, (due, next(self._order), waiting))

    def _look(self, name: str) -> Fingerprint | None:
        # Never under the lock: a look can hang for minutes on a dead share, and `put` must not.
        try:
            status = self._stat(name)
        except OSError:
            return None
        # A pipe or a device with a photo's name would block whoever reads it.
        return Fingerprint.of(status) if modes.S_ISREG(status.st_mode) else None
