"""The inbox: photos in from any thread, settled files out to one."""

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

LOOKS = 4096  # first looks in one call, so that a large backlog does not delay the files that are due
REMEMBERED = 500_000  # files at most, some 70 MB of memory; beyond that, each scan asks the ledger about all
FROZEN_SECONDS = (
    5.0  # after this long without a call the program was suspended; the daemon calls every second
)


@dataclass(frozen=True, slots=True)
class _Waiting:
    name: str
    settle_seconds: float
    seen: Fingerprint | None = None  # None: not looked at yet


class Inbox:
    """Holds each photo, with its watched root, until its file has been quiet for `settle_seconds`.

    A file is looked at twice: when `handing_over` first meets it, and when its time is up; 100,000 waiting
    files cost nothing in between. `settle_seconds` may be changed; it applies to later calls of `put`.

    A file that was handed over is remembered by its fingerprint, so that a scan which finds it unchanged
    costs only a look. Nothing is lost as long as the code that takes a file back out of the ledger,
    unfinished, calls `put` or `forget` afterwards.

    Only time in which this program ran counts as quiet: a suspended machine or a stopped process may have
    stopped the file's writer as well, in the middle of its work.
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
        self._roots: dict[str, Path] = {}  # name of each waiting file -> its watched root
        self._in_hand: dict[str, Path] = {}  # the same of files that are looked at or handed over now
        self._fresh: deque[_Waiting] = deque()
        self._due: list[tuple[float, int, _Waiting]] = []  # a heap: clock seconds, order of arrival
        self._order = itertools.count()
        self._leaving: dict[int, int] = {}
        self._handed: dict[int, int] = {}  # hash of a name -> hash of its fingerprint
        self._woken = False
        self._called = clock()

    def put(self, root: Path, path: Path | str, settle_seconds: float = 0.0, *, news: bool = True) -> str:
        """Record that a photo of the watched folder `root` appeared or changed; any thread, never raises.

        settle_seconds  the least quiet time of this file, if longer than that of the others (on a share)
        news            False: a scan found it in its place. It is looked at here, which may take long, and
                        dropped if it is unchanged since it was handed over, or cannot be read

        A waiting file keeps its time: only a change of the file itself restarts it.

        Returns why a file that a scan found cannot be read, or an empty string.
        """
        name = os.fspath(path)
        if not news:
            unchanged, refusal = self._compare(name)
            if unchanged or refusal:
                return refusal
        quiet = max(self.settle_seconds, settle_seconds)
        with self._changed:
            self._restart_if_frozen()
            self._forget(name)
            if name not in self._roots:
                self._fresh.append(_Waiting(name, quiet))
                if len(self._fresh) == 1:
                    self._changed.notify_all()
            self._roots[name] = root
        return ""

    def forget(self, path: Path) -> None:
        """Let the next scan hand over a file that was deleted, if it is back; from any thread."""
        with self._changed:
            self._forget(os.fspath(path))

    def change_roots(self, root_of: Callable[[Path], Path | None]) -> None:
        """Follow a change of the watched folders: give each file its present root, and forget all files.

        root_of  the watched folder that offers a photo; a waiting file without one is dropped
        """
        with self._changed:
            self._leaving.clear()
            self._handed.clear()
            for roots in (self._roots, self._in_hand):
                for name in tuple(roots):
                    root = root_of(Path(name))
                    if root is None:
                        del roots[name]
                    else:
                        roots[name] = root
            self._fresh = deque(waiting for waiting in self._fresh if waiting.name in self._roots)
            self._due = [entry for entry in self._due if entry[2].name in self._roots]
            heapq.heapify(self._due)

    @contextmanager
    def handing_over(self, limit: int = 256) -> Iterator[list[tuple[Path, Settled]]]:
        """Provide quiet files with their watched roots, oldest first, for the ledger; one thread only.

        If the `with` block raises, they come again at the next call; otherwise they are remembered. A file
        that has vanished, cannot be read, or is not a regular file is dropped until a scan finds it again.
        """
        quiet = self._quiet(limit)
        with self._changed:
            self._leaving = {hash(waiting.name): hash(waiting.seen) for waiting in quiet}
            settled = [
                (self._in_hand[waiting.name], Settled(Path(waiting.name), waiting.seen))
                for waiting in quiet
                if waiting.seen is not None and waiting.name in self._in_hand
            ]
        try:
            yield settled
        except BaseException:
            now = self._clock()
            self._put_back((now, waiting) for waiting in quiet)
            raise
        with self._changed:
            self._in_hand.clear()
            if len(self._handed) + len(self._leaving) > REMEMBERED:
                self._handed.clear()
            self._handed |= self._leaving

    def wait(self, timeout: float) -> None:
        """Return when `handing_over` may provide a file, after `wake`, or after `timeout` seconds."""
        with self._changed:
            self._restart_if_frozen()
            pause = timeout
            if self._due:
                pause = min(pause, self._due[0][0] - self._clock())
            if not self._woken and not self._fresh and pause > 0:
                self._changed.wait(pause)
            self._woken = False

    def wake(self) -> None:
        """End the present `wait`, or else the next one."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def __len__(self) -> int:
        """Return the number of waiting files."""
        with self._changed:
            self._restart_if_frozen()
            return len(self._roots) + len(self._in_hand)

    def _quiet(self, limit: int) -> list[_Waiting]:
        quiet: list[_Waiting] = []
        moving: list[tuple[float, _Waiting]] = []
        for waiting in self._take(limit):
            try:
                seen = self._look(waiting.name)
            except OSError:
                continue  # the next scan looks again, and reports it
            if seen is None:
                continue
            if seen == waiting.seen:
                quiet.append(waiting)
            else:
                again = _Waiting(waiting.name, waiting.settle_seconds, seen)
                moving.append((self._clock() + waiting.settle_seconds, again))
        with self._changed:
            self._put_back(moving)
            names = {waiting.name for waiting in quiet}
            self._in_hand = {name: root for name, root in self._in_hand.items() if name in names}
        return quiet

    def _compare(self, name: str) -> tuple[bool, str]:
        """Return whether a file is unchanged since it was handed over, and why it cannot be read."""
        with self._changed:
            if name in self._roots:
                return False, ""
            handed = self._handed.get(hash(name))
        try:
            seen = self._look(name)
        except OSError as error:
            return False, error.strerror or str(error)
        return handed is not None and handed == hash(seen), ""

    def _forget(self, name: str) -> None:
        self._leaving.pop(hash(name), None)
        self._handed.pop(hash(name), None)

    def _take(self, limit: int) -> list[_Waiting]:
        """Take out the files to look at now; an event meanwhile puts a file in again."""
        with self._changed:
            now = self._restart_if_frozen()
            taken: list[_Waiting] = []
            while self._due and self._due[0][0] <= now and len(taken) < limit:
                taken.append(heapq.heappop(self._due)[2])
            taken += [self._fresh.popleft() for _ in range(min(LOOKS, len(self._fresh)))]
            self._in_hand = {waiting.name: self._roots.pop(waiting.name) for waiting in taken}
            return taken

    def _put_back(self, moving: Iterable[tuple[float, _Waiting]]) -> None:
        with self._changed:
            for due, waiting in moving:
                root = self._in_hand.pop(waiting.name, None)
                if root is not None and waiting.name not in self._roots:
                    self._roots[waiting.name] = root
                    heapq.heappush(self._due, (due, next(self._order), waiting))

    def _restart_if_frozen(self) -> float:
        """Restart every file's quiet time if the program was suspended; return the clock's time."""
        now = self._clock()
        if now - self._called > FROZEN_SECONDS:
            self._due = [
                (max(due, now + waiting.settle_seconds), order, waiting) for due, order, waiting in self._due
            ]
            heapq.heapify(self._due)
        self._called = now
        return now

    def _look(self, name: str) -> Fingerprint | None:
        """Return a file's fingerprint; None if it has vanished or is no regular file. Raises OSError."""
        # Never under the lock: a look can hang for minutes on a dead share, and `put` must not.
        try:
            status = self._stat(name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        # A pipe or a device with a photo's name would block its reader.
        return Fingerprint.of(status) if modes.S_ISREG(status.st_mode) else None
