"""The watcher: events are hints, scans are the truth."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from facewatch.watcher.events import Complaints, Handler
from facewatch.watcher.observing import Observing
from facewatch.watcher.roots import Root, kernel_watches
from facewatch.watcher.rules import Watch, enters, offered, root_of
from facewatch.watcher.walk import walk

CHECK_SECONDS = 10.0  # how often the roots are looked at
POLL_SECONDS = 30.0  # how often a root is scanned that gives no events, or not all
SPACING_SECONDS = 2.0  # between scans that are asked for: a flood of events asks for many
ASLEEP_SECONDS = 30.0  # so much more wall clock than monotonic time passed: the machine slept


class Watcher:
    """Offers the photos in some folders: at the start, when they come or change, and again at each scan.

    offer           takes a path; called from several threads, must be quick and never raise
    gone            takes a path that was deleted; called from the watcher's own thread, must not raise
    rescan_seconds  between two scans of everything; each wait is longer or shorter by up to a quarter

    A root that is missing is offline until it is there; one root's trouble never stops the others.
    """

    def __init__(
        self,
        watches: Sequence[Watch],
        offer: Callable[[Path], None],
        gone: Callable[[Path], None],
        rescan_seconds: float = 300.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        make_observer: Callable[[], BaseObserver] = Observer,
        count_watches: Callable[[], int | None] = kernel_watches,
    ) -> None:
        self._watches = tuple(watches)
        self._others = frozenset(os.fspath(watch.root) for watch in watches)
        self._offer = offer
        self._gone = gone
        self._rescan_seconds = rescan_seconds
        self._clock = clock
        self._wall = wall
        self._observing = Observing(watches, Handler(self), make_observer, count_watches)
        self._complaints = Complaints(self.rescan)
        self._vanished: deque[Path] = deque()
        self._folders: deque[Path] = deque()
        self._asked = False  # for a scan
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._check_at = self._scan_at = self._poll_at = self._spaced_until = float("-inf")
        self._ahead: float | None = None  # the wall clock of the monotonic one

    def start(self) -> None:
        """Begin, once: watch, and scan everything in a thread; `online` is right when this returns."""
        self._complaints.attach()
        self._check_roots()
        self._thread = threading.Thread(target=self._run, name="facewatch-watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, and its threads; harmless when it is not running."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
        self._observing.close()
        self._complaints.detach()

    def running(self) -> bool:
        """Whether its thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def rescan(self) -> None:
        """Ask for a scan of everything soon; from any thread."""
        self._asked = True
        self._woken.set()

    def online(self) -> list[Watch]:
        """The watches whose root is there."""
        return [root.watch for root in self._observing.roots if root.online]

    def problems(self) -> list[str]:
        """What a user should know, a sentence each."""
        told = [problem for root in self._observing.roots for problem in root.problems()]
        return [*told, self._observing.shortage] if self._observing.shortage else told

    def scan(self) -> int:
        """Look through every root that is there, now, and offer its photos; how many."""
        return sum(self._scan(root) for root in self._observing.roots if root.look() is not None)

    def file_seen(self, path: Path) -> None:
        """A file came or changed (from the event handler)."""
        watch = root_of(self._watches, path)
        if watch is not None and offered(watch, path):
            self._offer(path)

    def folder_seen(self, path: Path) -> None:
        """A folder came (from the event handler); files may lie in it that nothing was told about."""
        self._folders.append(path)
        self._woken.set()

    def vanished(self, path: Path) -> None:
        """A file or folder went (from the event handler)."""
        self._vanished.append(path)
        self._woken.set()

    def tend(self) -> None:
        """One round: check the roots, follow up what was noted, scan what is due."""
        now = self._clock()
        if self._slept(now) or now >= self._check_at:
            self._check_roots()
        self._follow_up()
        if now >= self._scan_at or (self._asked and now >= self._spaced_until):
            self._scan_all()
        elif now >= self._poll_at:
            self._poll()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Cleared before the round: what is noted during it brings the next one.
            self._woken.clear()
            self.tend()
            self._woken.wait(max(0.0, self._next_at() - self._clock()))

    def _next_at(self) -> float:
        due = [self._check_at, self._scan_at, self._poll_at]
        return min([*due, self._spaced_until] if self._asked else due)

    def _slept(self, now: float) -> bool:
        ahead = self._wall() - now
        slept = self._ahead is not None and abs(ahead - self._ahead) > ASLEEP_SECONDS
        self._ahead = ahead
        self._asked = self._asked or slept
        return slept

    def _check_roots(self) -> None:
        for root in self._observing.check():
            # Not at the start, when everything is about to be scanned.
            if self._scan_at > self._clock():
                self._scan(root)
        self._check_at = self._clock() + CHECK_SECONDS

    def _follow_up(self) -> None:
        while self._vanished and not self._stopping.is_set():
            path = self._vanished.popleft()
            if os.fspath(path) in self._others:
                self._check_roots()
            elif not os.path.lexists(path):  # a file replaced by another is reported deleted, too
                self._gone(path)
        while self._folders and not self._stopping.is_set():
            folder = self._folders.popleft()
            watch = root_of(self._watches, folder)
            if watch is not None and enters(watch, folder):
                walk(watch, folder, self._offer, self._others, self._stopping.is_set)

    def _scan_all(self) -> None:
        self._asked = False
        self.scan()
        now = self._clock()
        # Spread, so that several machines on one share do not scan it in step.
        self._scan_at = now + self._rescan_seconds * random.uniform(0.75, 1.25)  # noqa: S311
        self._spaced_until = now + SPACING_SECONDS
        self._poll_at = now + POLL_SECONDS
        if self._observing.judge() and not self._observing.shortage:
            self._asked = True  # once may be chance: look again

    def _poll(self) -> None:
        for root in self._observing.roots:
            if root.online and (root.problem or self._observing.shortage):
                self._scan(root)
        self._poll_at = self._clock() + POLL_SECONDS

    def _scan(self, root: Root) -> int:
        walked = walk(root.watch, root.watch.root, self._offer, self._others, self._stopping.is_set)
        root.unreadable = walked.unreadable
        root.folders = walked.folders
        return walked.offered
