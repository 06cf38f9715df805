"""Paths in from any thread, settled paths out to one."""

from __future__ import annotations

import heapq
import itertools
import os
import stat as modes
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from facewatch.system.fingerprint import Fingerprint, Settled

LOOKS = 4096  # first looks in one call, so that a large backlog does not hold up the files that are due
REMEMBERED = 500_000  # files at most, some 70 MB of memory: of more, each scan asks the ledger about all
FROZEN_SECONDS = 5.0  # so long nobody called: all of the program stood still; the daemon calls every second


@dataclass(frozen=True, slots=True)
class _Waiting:
    name: str
    settle_seconds: float
    seen: Fingerprint | None = None  # None: not looked at yet


class Inbox:
    """Holds each path until its file has been quiet for `settle_seconds`.

    A file is looked at twice: when `settled` first meets it, and when its time is up; 100,000 waiting paths
    cost nothing in between. `settle_seconds` may be set anew; it holds for what is put from then on.

    A file that was handed over is remembered by its fingerprint, so that a scan which finds it as it was
    costs a look and no more. This loses nothing as long as whoever takes a file back out of the ledger,
    unfinished, calls `put` or `forget` afterwards.

    Only time in which this program ran counts as quiet: what stopped it (a suspended machine, a stopped
    process) may have stopped the file's writer as well, in the middle of its work.
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
        self._leaving: dict[int, int] = {}
        self._handed: dict[int, int] = {}  # hash of a name -> hash of its fingerprint
        self._woken = False
        self._called = clock()

    def put(self, path: Path | str, settle_seconds: float = 0.0, *, news: bool = True) -> str:
        """Note that something happened to `path`. Cheap, from any thread; never raises.

        settle_seconds  how long this file has to be quiet at least, if longer than the others (on a share)
        news            False: it was only found in its place. It is looked at here, which may take long, and
                        dropped if it is as it was when it was handed over, or cannot be looked at: why
                        is returned then, and nothing in every other case

        A path that waits already goes on waiting: only a change of the file itself makes it wait anew.
        """
        name = os.fspath(path)
        if not news:
            handed, refusal = self._found(name)
            if handed or refusal:
                return refusal
        quiet = max(self.settle_seconds, settle_seconds)
        with self._changed:
            self._begin_anew_if_frozen()
            self._forget(name)
            if name not in self._known:
                self._known.add(name)
                self._fresh.append(_Waiting(name, quiet))
                if len(self._fresh) == 1:
                    self._changed.notify_all()
        return ""

    def forget(self, path: Path | None = None) -> None:
        """Let the next scan hand `path` over again, if it is there; without a path, every file.

        From any thread. For a file that was deleted, and for all when they may belong to other folders now.
        """
        with self._changed:
            if path is None:
                self._leaving.clear()
                self._handed.clear()
            else:
                self._forget(os.fspath(path))

    @contextmanager
    def handing_over(self, limit: int = 256) -> Iterator[list[Settled]]:
        """At most `limit` quiet files, oldest first, to be put into the ledger by a `with` block.

        If the block raises, they come again at the next call; else they are remembered. One thread only may
        call this. What has vanished, cannot be looked at, or is no regular file is dropped; the next scan
        offers it again if it should come back.
        """
        quiet = self._quiet(limit)
        with self._changed:
            self._leaving = {hash(waiting.name): hash(waiting.seen) for waiting in quiet}
        try:
            yield [Settled(Path(waiting.name), waiting.seen) for waiting in quiet if waiting.seen is not None]
        except BaseException:
            now = self._clock()
            self._put_back((now, waiting) for waiting in quiet)
            raise
        with self._changed:
            # Names are kept of files that went unheard, too.
            if len(self._handed) + len(self._leaving) > REMEMBERED:
                self._handed.clear()
            self._handed |= self._leaving

    def settled(self, limit: int = 256) -> list[Settled]:
        """The same, taken out for good and not remembered."""
        return [Settled(Path(w.name), w.seen) for w in self._quiet(limit) if w.seen is not None]

    def wait(self, timeout: float) -> None:
        """Return when a call of `settled` may bring something, after `wake`, or after `timeout` seconds."""
        with self._changed:
            self._begin_anew_if_frozen()
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
            self._begin_anew_if_frozen()
            return len(self._known) + self._in_hand

    def _quiet(self, limit: int) -> list[_Waiting]:
        quiet: list[_Waiting] = []
        moving: list[tuple[float, _Waiting]] = []
        for waiting in self._take(limit):
            try:
                seen = self._look(waiting.name)
            except OSError:
                continue  # the next scan asks again, and tells
            if seen is None:
                continue
            if seen == waiting.seen:
                quiet.append(waiting)
            else:
                again = _Waiting(waiting.name, waiting.settle_seconds, seen)
                moving.append((self._clock() + waiting.settle_seconds, again))
        self._put_back(moving)
        return quiet

    def _found(self, name: str) -> tuple[bool, str]:
        """Whether a file that a scan found is as it was when it was handed over; why it cannot be said."""
        with self._changed:
            if name in self._known:
                return False, ""
            kept = self._handed.get(hash(name))
        try:
            seen = self._look(name)
        except OSError as error:
            return False, error.strerror or str(error)
        return kept is not None and kept == hash(seen), ""

    def _forget(self, name: str) -> None:
        self._leaving.pop(hash(name), None)
        self._handed.pop(hash(name), None)

    def _take(self, limit: int) -> list[_Waiting]:
        """What has to be looked at now; no longer known, so that an event meanwhile puts it in again."""
        with self._changed:
            now = self._begin_anew_if_frozen()
            taken: list[_Waiting] = []
            while self._due and self._due[0][0] <= now and len(taken) < limit:
                taken.append(heapq.heappop(self._due)[2])
            taken += [self._fresh.popleft() for _ in range(min(LOOKS, len(self._fresh)))]
            self._known.difference_update(waiting.name for waiting in taken)
            self._in_hand = len(taken)
            return taken

    def _put_back(self, moving: Iterable[tuple[float, _Waiting]]) -> None:
        with self._changed:
            self._in_hand = 0
            for due, waiting in moving:
                if waiting.name not in self._known:
                    self._known.add(waiting.name)
                    heapq.heappush(self._due, (due, next(self._order), waiting))

    def _begin_anew_if_frozen(self) -> float:
        """After a standstill every file has its whole quiet time before it; returns the clock's time."""
        now = self._clock()
        if now - self._called > FROZEN_SECONDS:
            self._due = [
                (max(due, now + waiting.settle_seconds), order, waiting) for due, order, waiting in self._due
            ]
            heapq.heapify(self._due)
        self._called = now
        return now

    def _look(self, name: str) -> Fingerprint | None:
        """None: it has vanished, or is no file. Raises OSError where that cannot be seen."""
        # Never under the lock: a look can hang for minutes on a dead share, and `put` must not.
        try:
            status = self._stat(name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        # A pipe or a device with a photo's name would block whoever reads it.
        return Fingerprint.of(status) if modes.S_ISREG(status.st_mode) else None
