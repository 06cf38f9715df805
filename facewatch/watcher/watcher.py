"""The watcher of the folders: events are hints, scans decide."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from facewatch.system.mounts import Disks
from facewatch.watcher.events import WarningListener
from facewatch.watcher.filters import WatchedFolder, enters_folder, is_photo, root_of
from facewatch.watcher.observer import ObserverSupervisor
from facewatch.watcher.roots import Root, kernel_watches
from facewatch.watcher.scan import ScanResult, leads_elsewhere, list_folder, walk_names

CHECK_SECONDS = 10.0  # between two checks of the roots
POLL_SECONDS = 30.0  # between two scans of a root whose events are missing or incomplete
SPACING_SECONDS = 2.0  # between requested scans: a flood of warnings requests many
POLL_SHARE = 50  # such scans take at most 1/50 of the time
LISTING_SECONDS = 60.0  # for one folder of a share: 100,000 names are slow to come
STOPPING_SECONDS = 5.0  # a thread that waits for a share without an answer is left behind
ASLEEP_SECONDS = 30.0  # clocks differ, or waits exceed, by this much only if something was suspended


class Offer(Protocol):
    """A receiver of photos; quick, never raises, and is called from several threads."""

    def __call__(self, root: Path, path: Path | str, settle_seconds: float, *, news: bool) -> str:
        """Take a photo of the watched folder `root`.

        settle_seconds  the least time for which the file has to be quiet
        news            False: a scan found it in its place, where it may have been for long

        Returns why a file that a scan found cannot be read, or an empty string.
        """


def _ignore_note(_: str) -> None:
    """Drop a note."""


class Watcher:
    """Offers the photos of the watched folders: at the start, when they appear or change, and at each scan.

    offer           takes each photo that appeared, changed or was found
    gone            takes a path that was deleted; called from the watcher's own thread, must not raise
    rescan_seconds  between two scans of everything; each wait varies by up to a quarter
    note            takes a sentence about a fault that was just resolved; must not raise
    disks           knows which disks are not mounted

    A missing root is offline until it is back; a problem with one root never stops the others.
    """

    def __init__(
        self,
        watches: Sequence[WatchedFolder],
        offer: Offer,
        gone: Callable[[Path], None],
        rescan_seconds: float = 300.0,
        *,
        note: Callable[[str], None] = _ignore_note,
        disks: Disks | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        make_observer: Callable[[], BaseObserver] = Observer,
        count_watches: Callable[[], int | None] = kernel_watches,
    ) -> None:
        self._watches = tuple(watches)
        self._root_names = frozenset(os.fspath(watch.root) for watch in watches)
        self._offer = offer
        self._gone = gone
        self._rescan_seconds = rescan_seconds
        self._note = note
        self._disks = disks or Disks()
        self._clock = clock
        self._wall = wall
        self._supervisor = ObserverSupervisor(
            watches, self, make_observer, count_watches, disks=self._disks, note=note
        )
        self._roots = {root.watch.root: root for root in self._supervisor.roots}
        self._warnings = WarningListener(self._warned)
        self._warning = ""
        self._vanished: deque[Path] = deque()
        self._folders: deque[Path] = deque()
        self._scan_requested = False
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._check_at = self._scan_at = self._poll_at = self._spaced_until = float("-inf")
        self._ahead: float | None = None  # of the wall clock over the monotonic one, in seconds

    def start(self) -> None:
        """Start watching, and scan everything in a thread, once; `online` is valid when this returns."""
        self._warnings.attach()
        self._check_roots()
        self._thread = threading.Thread(target=self._run, name="facewatch-watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watcher and its threads; harmless if it does not run."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(STOPPING_SECONDS)
        self._supervisor.close()
        self._warnings.detach()

    def running(self) -> bool:
        """Return True if the watcher's thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def rescan(self) -> None:
        """Request a scan of everything soon; from any thread."""
        self._scan_requested = True
        self._wake.set()

    def online(self) -> list[WatchedFolder]:
        """Return the watched folders that are available."""
        return [root.watch for root in self._supervisor.roots if root.online]

    def problems(self) -> list[str]:
        """Return the problems to show to the user, a sentence each."""
        found = [problem for root in self._supervisor.roots for problem in root.problems()]
        return [*found, self._supervisor.shortage] if self._supervisor.shortage else found

    def passed_over(self) -> dict[str, int]:
        """Return how many files of each kind the last scans passed over, the most first."""
        total = sum((root.passed_over for root in self._supervisor.roots), Counter[str]())
        return dict(total.most_common())

    def scan(self) -> int:
        """Offer the photos of the available roots once, without `start`; return how many."""
        self._supervisor.look()
        return sum(self._scan(root) for root in self._supervisor.roots if root.online)

    def file_seen(self, path: Path) -> None:
        """Offer a file that was created or changed (for the event handler)."""
        watch = root_of(self._watches, path)
        if watch is not None and is_photo(watch, path):
            self._offer(watch.root, path, self._roots[watch.root].settle_seconds, news=True)

    def folder_seen(self, path: Path) -> None:
        """Record a folder that was created (for the event handler); its files may have caused no events."""
        self._folders.append(path)
        self._wake.set()

    def vanished(self, path: Path) -> None:
        """Record a file or folder that was deleted or moved away (for the event handler)."""
        self._vanished.append(path)
        self._wake.set()

    def run_round(self) -> None:
        """Do one round: check the roots, follow up the recorded events, scan what is due."""
        now = self._clock()
        if self._slept(now) or now >= self._check_at:
            self._check_roots()
        self._follow_up()
        if now >= self._scan_at or (self._scan_requested and now >= self._spaced_until):
            self._scan_all()
        elif now >= self._poll_at:
            self._poll()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Cleared before the round: an event during it starts the next one.
            self._wake.clear()
            self.run_round()
            pause, began = max(0.0, self._next_at() - self._clock()), self._clock()
            self._wake.wait(pause)
            self._check_overrun(self._clock() - began - pause)

    def _next_at(self) -> float:
        due = [self._check_at, self._scan_at, self._poll_at]
        return min([*due, self._spaced_until] if self._scan_requested else due)

    def _check_overrun(self, seconds: float) -> None:
        if seconds > ASLEEP_SECONDS:
            self._events_missed(f"facewatch was suspended for {seconds:.0f} s")

    def _slept(self, now: float) -> bool:
        ahead, before = self._wall() - now, self._ahead
        self._ahead = ahead
        if before is None or abs(ahead - before) <= ASLEEP_SECONDS:
            return False
        if ahead > before:
            self._events_missed(f"the machine slept, or its clock was put forward, by {ahead - before:.0f} s")
        else:
            self._events_missed(f"the clock was put back by {before - ahead:.0f} s")
        return True

    def _events_missed(self, why: str) -> None:
        self._note(f"{why}; all folders are scanned")
        self._scan_requested = True
        self._check_at = float("-inf")

    def _warned(self, warning: str) -> None:
        # Called in watchdog's thread, in the middle of its work: the scan records the warning.
        self._warning = warning
        self.rescan()

    def _check_roots(self) -> None:
        for root in self._supervisor.check():
            # Not at the start, when everything is scanned anyway.
            if self._scan_at > self._clock():
                self._scan(root)
        self._check_at = self._clock() + CHECK_SECONDS

    def _follow_up(self) -> None:
        while self._vanished and not self._stopping.is_set():
            path = self._vanished.popleft()
            if os.fspath(path) in self._root_names:
                self._check_roots()
            elif not os.path.lexists(path):  # a file that was replaced is reported as deleted, too
                self._gone(path)
        while self._folders and not self._stopping.is_set():
            folder = self._folders.popleft()
            watch = root_of(self._watches, folder)
            # A link to a folder is not followed: its target does not belong to this root.
            if watch is not None and enters_folder(watch, folder) and not leads_elsewhere(folder):
                self._walk(self._roots[watch.root], folder, news=True)

    def _scan_all(self) -> None:
        self._scan_requested = False
        warning, self._warning = self._warning, ""
        if warning:
            self._note(f"events may be lost ({warning}); all folders are scanned")
        available = [root for root in self._supervisor.roots if root.look(self._disks)[0] is not None]
        for root in available:
            self._scan(root)
        now = self._clock()
        # Spread, so that several machines on one share do not scan it in step.
        self._scan_at = now + self._rescan_seconds * random.uniform(0.75, 1.25)  # noqa: S311
        self._spaced_until = now + SPACING_SECONDS
        self._poll_at = now + POLL_SECONDS
        if self._supervisor.check_watch_limit() and not self._supervisor.shortage:
            self._scan_requested = True  # the first time may be chance: check again

    def _poll(self) -> None:
        began = self._clock()
        for root in self._supervisor.roots:
            if root.online and (root.problem or self._supervisor.shortage):
                self._scan(root)
        now = self._clock()
        self._poll_at = now + max(POLL_SECONDS, POLL_SHARE * (now - began))

    def _scan(self, root: Root) -> int:
        result = self._walk(root, root.watch.root, news=False)
        root.unreadable = result.unreadable
        root.folders = result.folders
        root.passed_over = result.passed_over
        return result.offered

    def _walk(self, root: Root, start: Path, *, news: bool) -> ScanResult:
        refused: dict[str, list[str]] = {}

        def offer(name: str) -> None:
            if self._stopping.is_set():  # the photo may belong to another root now
                return
            why = self._offer(root.watch.root, name, root.settle_seconds, news=news)
            if why:
                folder, photo = os.path.split(name)
                refused.setdefault(folder, []).append(f"{why} ({photo})")

        def read(folder: str) -> list[os.DirEntry[str]]:
            return self._disks.ask(folder, lambda: list_folder(folder), LISTING_SECONDS)

        result = walk_names(
            root.watch,
            start,
            offer,
            self._root_names,
            self._stopping.is_set,
            read=read if root.share else list_folder,
        )
        for folder, (first, *more) in refused.items():
            result.unreadable[folder] = f"{first} and {len(more)} more" if more else first
        return result
