"""The list of all photos, kept in memory and brought up to date from the ledger: 100,000 fit into 30 MB."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from facewatch.errors import FacewatchError
from facewatch.state.ledger import LedgerView, PhotoRow
from facewatch.state.outcomes import (
    OUTCOMES,
    Outcome,
    OutcomeCounter,
    outcome_of_failure,
    outcome_of_report,
)
from facewatch.system.text import one_line

log = logging.getLogger(__name__)

UNREAD = -1  # the version before the list was read
WAITING, IN_WORK, REJECTED, FAVOURITE = "waiting", "in work", "rejected", "favourite"
LISTED: tuple[str, ...] = (*OUTCOMES, WAITING, IN_WORK, REJECTED)
HIDDEN_STATES = frozenset({"skipped", "gone"})  # our own copies, and files that are there no longer
EXPECTED_ROUNDS = 20  # how often a photo that was asked for is read again, until its change is there


class Entry(NamedTuple):
    """One photo in the list."""

    id: int
    name: str  # its path below the watched folder, for people
    folder: str  # the watched folder, for people
    outcome: str  # one of LISTED
    added: float  # wall clock seconds
    changed: float
    has_copy: bool
    marks: tuple[str, ...]
    reason: str  # why it failed; else empty


@dataclass(frozen=True)
class Filter:
    """Choice of the photos to list."""

    outcome: str = ""  # one of LISTED, or FAVOURITE; empty: all
    folder: str = ""
    text: str = ""  # part of the name
    since: float = 0.0  # added at or after, wall clock seconds
    until: float = float("inf")

    def takes(self, entry: Entry) -> bool:
        """Return True if the photo is listed."""
        if self.outcome == FAVOURITE:
            if FAVOURITE not in entry.marks:
                return False
        elif self.outcome and entry.outcome != self.outcome:
            return False
        return (
            (not self.folder or entry.folder == self.folder)
            and self.since <= entry.added < self.until
            and (not self.text or self.text.lower() in entry.name.lower())
        )


class PhotoIndex:
    """The list; safe between threads. `refresh` reads what has changed in the ledger since the last call."""

    def __init__(self, view: LedgerView) -> None:
        self._view = view
        self._lock = threading.Lock()
        self._entries: dict[int, Entry] = {}  # by id, which grows with the time a photo was found
        self._states: dict[int, str] = {}
        self._newest = float("-inf")
        self._stamp: tuple[Any, ...] = ()
        self._expected: dict[int, int] = {}
        self.version = UNREAD  # grows with every change
        self._summary: tuple[int, dict[str, int], list[str]] = UNREAD, {}, []  # version, counts, folders

    def begin(self) -> None:
        """Read all photos on another thread: for 100,000 it takes seconds."""
        threading.Thread(target=self._first_refresh, name="index", daemon=True).start()

    def _first_refresh(self) -> None:
        try:
            self.refresh()
        except FacewatchError as error:  # the first page that needs the list says so
            log.warning("%s", error)

    def page(self, first: int, count: int) -> tuple[int, list[Entry]]:
        """Return the number of all photos and a part of them, the newest first, without the whole list."""
        if self.version == UNREAD:
            counts = self._view.counts()
            total = sum(count for state, count in counts.items() if state not in HIDDEN_STATES)
            return total, [to_entry(row) for row in self._view.newest(first, count)]
        self.refresh()
        entries = self.photos(Filter())
        return len(entries), entries[first : first + count]

    def refresh(self, *, wait: bool = True) -> None:
        """Bring the list up to date; without `wait`, not while it is read for the first time.

        Raises BadLedger if the ledger cannot be read.
        """
        if not wait and self.version == UNREAD:
            return
        with self._lock:
            stamp = tuple(
                _stamp(self._view.file.with_name(self._view.file.name + end)) for end in ("", "-wal")
            )
            if stamp == self._stamp and not self._expected:
                return
            changed = self._read(self._view.changed_since(self._newest, self._expected))
            counts = {state: count for state, count in self._view.counts().items() if count}
            if Counter(self._states.values()) != counts:  # the clock was put back, or the ledger is a new one
                self._entries.clear()
                self._states.clear()
                changed = self._read(self._view.changed_since(float("-inf"))) or changed
            self.version = max(self.version, 0) + changed
            self._expected = {number: left - 1 for number, left in self._expected.items() if left > 1}
            self._stamp = stamp

    def expect(self, number: int) -> None:
        """Read this photo again at the next refreshes: a request may change it without its time."""
        with self._lock:
            self._expected[number] = EXPECTED_ROUNDS

    def _read(self, rows: Iterator[PhotoRow]) -> bool:
        """Take rows into the list; return True if it changed."""
        changed = False
        for row in rows:
            self._newest = max(self._newest, row.changed)
            self._states[row.id] = sys.intern(row.state)
            entry = None if row.state in HIDDEN_STATES else to_entry(row)
            if entry is None:
                changed = self._entries.pop(row.id, None) is not None or changed
            elif self._entries.get(row.id) != entry:
                self._entries[row.id] = entry
                changed = True
        return changed

    def photos(self, wanted: Filter) -> list[Entry]:
        """Return the photos that a filter takes, the newest first."""
        with self._lock:
            entries = [self._entries[number] for number in sorted(self._entries, reverse=True)]
        return entries if wanted == Filter() else [entry for entry in entries if wanted.takes(entry)]

    def entry(self, number: int) -> Entry | None:
        """Return one photo of the list."""
        return self._entries.get(number)

    def counts(self) -> dict[str, int]:
        """Return the number of photos of each kind in LISTED, and of favourites; none while it is read."""
        return dict(self._summarize()[1])

    def folders(self) -> list[str]:
        """Return the watched folders that photos came from."""
        return list(self._summarize()[2])

    def _summarize(self) -> tuple[int, dict[str, int], list[str]]:
        """Return the version, the counts and the folders, counted once a version: pages ask all the time."""
        if self._summary[0] != self.version:
            with self._lock:
                entries = self._entries.values()
                counts = Counter(entry.outcome for entry in entries)
                counts[FAVOURITE] = sum(FAVOURITE in entry.marks for entry in entries)
                folders = sorted({entry.folder for entry in entries})
                self._summary = self.version, dict(counts), folders
        return self._summary


class ListCounter(OutcomeCounter):
    """Counts the outcomes in the list, which has read every report already."""

    def __init__(self, index: PhotoIndex) -> None:
        super().__init__()
        self._index = index

    def count(self, view: LedgerView, finished: int, folders: Collection[Path] | None) -> dict[Outcome, int]:
        """Return the number of photos with each outcome."""
        del view, finished, folders
        found = self._index.counts()
        return {outcome: found.get(outcome, 0) for outcome in OUTCOMES}


def to_entry(row: PhotoRow) -> Entry:
    """Return what the list shows of a photo."""
    path, folder = os.fsdecode(row.path), os.fsdecode(row.folder)
    name = path.removeprefix(folder).lstrip(os.sep)
    marks = tuple((row.report or {}).get("marks", ()))
    outcome = _outcome(row, marks)
    reason = row.reason if outcome in {"failed", "not supported", WAITING} else ""
    return Entry(
        row.id,
        shown(name),
        sys.intern(shown(folder)),
        outcome,
        row.added,
        row.changed,
        row.has_copy,
        marks,
        sys.intern(reason),
    )


def _outcome(row: PhotoRow, marks: tuple[str, ...]) -> str:
    if row.state in {"queued", "retry"}:
        return WAITING
    if row.state in {"running", "committing"}:
        return IN_WORK
    if row.state in {"parked", "poison"}:
        return outcome_of_failure(row.error, row.reason)
    return REJECTED if REJECTED in marks else outcome_of_report(row.report)


def shown(text: str) -> str:
    """Return a file's name as text for a page: controls and changes of direction are written out."""
    return encodable(one_line(text))


def encodable(text: str) -> str:
    """Return a file's name as text that can be encoded: bytes that are no UTF-8 become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _stamp(file: Path) -> tuple[int, ...] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
