"""The watcher: events are hints, scans are the truth."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from facewatch.system.mounts import Disks
from facewatch.watcher.events import LogComplaints
from facewatch.watcher.filters import WatchedFolder, enters_folder, is_photo, root_of
from facewatch.watcher.observer import ObserverSupervisor
from facewatch.watcher.roots import Root, kernel_watches
from facewatch.watcher.scan import Walk, leads_elsewhere, listed, walk_names

CHECK_SECONDS = 10.0  # how often the roots are looked at
POLL_SECONDS = 30.0  # how often a root is scanned that gives no events, or not all
SPACING_SECONDS = 2.0  # between scans that are asked for: a flood of events asks for many
POLL_SHARE = 50  # a round of such scans takes one part in so many of the time
LISTING_SECONDS = 60.0  # for one folder of a share: 100,000 names are slow to come
STOPPING_SECONDS = 5.0  # its thread may be at a share that does not answer, and is left behind then
ASLEEP_SECONDS = 30.0  # so far the clocks drift apart, or a wait lasts too long, only if something stopped


class Offer(Protocol):
    """Takes a path and how many seconds it has to be quiet at least; quick, and never raises.

    news  False: a scan found it in its place, where it may have been for long

    Returns why a file that a scan found cannot be looked at, or nothing.
    """

    def __call__(self, path: Path | str, settle_seconds: float, *, news: bool) -> str:
        """Take it; called from several threads."""


def unheard(_: str) -> None:
    """For those who keep no record of what happened."""


class Watcher:
    """Offers the photos in some folders: at the start, when they come or change, and again at each scan.

    offer           takes each photo that came, changed or was found
    gone            takes a path that was deleted; called from the watcher's own thread, must not raise
    rescan_seconds  between two scans of everything; each wait is longer or shorter by up to a quarter
    note            takes a sentence about what has just happened and was mended; must not raise
    disks           knows which disks are away

    A root that is missing is offline until it is there; one root's trouble never stops the others.
    """

    def __init__(
        self,
        watches: Sequence[WatchedFolder],
        offer: Offer,
        gone: Callable[[Path], None],
        rescan_seconds: float = 300.0,
        *,
        note: Callable[[str], None] = unheard,
        disks: Disks | None = None,
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
        self._note = note
        self._disks = disks or Disks()
        self._clock = clock
        self._wall = wall
        self._observing = ObserverSupervisor(
            watches, self, make_observer, count_watches, disks=self._disks, note=note
        )
        self._roots = {root.watch.root: root for root in self._observing.roots}
        self._complaints = LogComplaints(self._complained)
        self._complaint = ""
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
            self._thread.join(STOPPING_SECONDS)
        self._observing.close()
        self._complaints.detach()

    def running(self) -> bool:
        """Whether its thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def rescan(self) -> None:
        """Ask for a scan of everything soon; from any thread."""
        self._asked = True
        self._woken.set()

    def online(self) -> list[WatchedFolder]:
        """The watches whose root is there."""
        return [root.watch for root in self._observing.roots if root.online]

    def problems(self) -> list[str]:
        """What a user should know, a sentence each."""
        told = [problem for root in self._observing.roots for problem in root.problems()]
        return [*told, self._observing.shortage] if self._observing.shortage else told

    def scan(self) -> int:
        """Without `start`: see which roots are there, and offer their photos, once; how many."""
        self._observing.look()
        return sum(self._scan(root) for root in self._observing.roots if root.online)

    def file_seen(self, path: Path) -> None:
        """A file came or changed (from the event handler)."""
        watch = root_of(self._watches, path)
        if watch is not None and is_photo(watch, path):
            self._offer(path, self._roots[watch.root].settle_seconds, news=True)

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
            pause, began = max(0.0, self._next_at() - self._clock()), self._clock()
            self._woken.wait(pause)
            self._waited(self._clock() - began - pause)

    def _next_at(self) -> float:
        due = [self._check_at, self._scan_at, self._poll_at]
        return min([*due, self._spaced_until] if self._asked else due)

    def _waited(self, too_long: float) -> None:
        if too_long > ASLEEP_SECONDS:
            self._missed(f"facewatch stood still for {too_long:.0f} s")

    def _slept(self, now: float) -> bool:
        ahead, before = self._wall() - now, self._ahead
        self._ahead = ahead
        if before is None or abs(ahead - before) <= ASLEEP_SECONDS:
            return False
        if ahead > before:
            self._missed(f"the machine slept, or its clock was put forward, by {ahead - before:.0f} s")
        else:
            self._missed(f"the clock was put back by {before - ahead:.0f} s")
        return True

    def _missed(self, why: str) -> None:
        self._note(f"{why}: everything is looked through")
        self._asked = True
        self._check_at = float("-inf")

    def _complained(self, complaint: str) -> None:
        # From a thread of watchdog's, in the middle of its work: noted by the scan.
        self._complaint = complaint
        self.rescan()

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
            # A link to a folder is not followed: what it leads to is none of this root's.
            if watch is not None and enters_folder(watch, folder) and not leads_elsewhere(folder):
                self._walk(self._roots[watch.root], folder, news=True)

    def _scan_all(self) -> None:
        self._asked = False
        complaint, self._complaint = self._complaint, ""
        if complaint:
            self._note(f"events may be lost ({complaint}): everything is looked through")
        there = [root for root in self._observing.roots if root.look(self._disks)[0] is not None]
        for root in there:
            self._scan(root)
        now = self._clock()
        # Spread, so that several machines on one share do not scan it in step.
        self._scan_at = now + self._rescan_seconds * random.uniform(0.75, 1.25)  # noqa: S311
        self._spaced_until = now + SPACING_SECONDS
        self._poll_at = now + POLL_SECONDS
        if self._observing.judge() and not self._observing.shortage:
            self._asked = True  # once may be chance: look again

    def _poll(self) -> None:
        began = self._clock()
        for root in self._observing.roots:
            if root.online and (root.problem or self._observing.shortage):
                self._scan(root)
        now = self._clock()
        self._poll_at = now + max(POLL_SECONDS, POLL_SHARE * (now - began))

    def _scan(self, root: Root) -> int:
        walked = self._walk(root, root.watch.root, news=False)
        root.unreadable = walked.unreadable
        root.folders = walked.folders
        return walked.offered

    def _walk(self, root: Root, start: Path, *, news: bool) -> Walk:
        refused: dict[str, list[str]] = {}

        def offer(name: str) -> None:
            why = self._offer(name, root.settle_seconds, news=news)
            if why:
                folder, photo = os.path.split(name)
                refused.setdefault(folder, []).append(f"{why} ({photo})")

        def read(folder: str) -> list[os.DirEntry[str]]:
            return self._disks.ask(folder, lambda: listed(folder), LISTING_SECONDS)

        walked = walk_names(
            root.watch, start, offer, self._others, self._stopping.is_set, read=read if root.share else listed
        )
        for folder, (first, *more) in refused.items():
            walked.unreadable[folder] = f"{first} and {len(more)} more" if more else first
        return walked
