"""The list of all photos, kept in memory and brought up to date from the ledger: 100,000 fit into 30 MB."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from facewatch.state.ledger import LedgerView, PhotoRow
from facewatch.state.outcomes import OUTCOMES, outcome_of_failure, outcome_of_report

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
    """Which photos to list."""

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
        self.version = 0  # grows with every change

    def refresh(self) -> None:
        """Bring the list up to date. Raises BadLedger if the ledger cannot be read."""
        with self._lock:
            stamp = tuple(
                _stamp(self._view.file.with_name(self._view.file.name + end)) for end in ("", "-wal")
            )
            if stamp == self._stamp and not self._expected:
                return
            self._read(self._view.changed_since(self._newest, self._expected))
            counts = {state: count for state, count in self._view.counts().items() if count}
            if Counter(self._states.values()) != counts:  # the clock was put back, or the ledger is a new one
                self._entries.clear()
                self._states.clear()
                self._read(self._view.changed_since(float("-inf")))
            self._expected = {number: left - 1 for number, left in self._expected.items() if left > 1}
            self._stamp = stamp

    def expect(self, number: int) -> None:
        """Read this photo again at the next refreshes: a request may change it without its time."""
        with self._lock:
            self._expected[number] = EXPECTED_ROUNDS

    def _read(self, rows: Iterator[PhotoRow]) -> None:
        for row in rows:
            self._newest = max(self._newest, row.changed)
            self._states[row.id] = sys.intern(row.state)
            entry = None if row.state in HIDDEN_STATES else to_entry(row)
            if entry is None:
                if self._entries.pop(row.id, None) is not None:
                    self.version += 1
            elif self._entries.get(row.id) != entry:
                self._entries[row.id] = entry
                self.version += 1

    def photos(self, wanted: Filter) -> list[Entry]:
        """Return the photos that a filter takes, the newest first."""
        with self._lock:
            entries = [self._entries[number] for number in sorted(self._entries, reverse=True)]
        return entries if wanted == Filter() else [entry for entry in entries if wanted.takes(entry)]

    def entry(self, number: int) -> Entry | None:
        """Return one photo of the list."""
        return self._entries.get(number)

    def counts(self) -> dict[str, int]:
        """Return the number of photos of each kind in LISTED, and of favourites."""
        with self._lock:
            found = Counter(entry.outcome for entry in self._entries.values())
            found[FAVOURITE] = sum(FAVOURITE in entry.marks for entry in self._entries.values())
        return dict(found)

    def folders(self) -> list[str]:
        """Return the watched folders that photos came from."""
        with self._lock:
            return sorted({entry.folder for entry in self._entries.values()})


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
    """Return a file's name as text that can be encoded: bytes that are no UTF-8 become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _stamp(file: Path) -> tuple[int, ...] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
