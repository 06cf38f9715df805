"""The ledger's queries, for its writer and its readers."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from facewatch.errors import BadLedger
from facewatch.state.ledger.jobs import COLUMNS, FAILED, STATES, Job, PhotoRow, State, to_job, to_photo_row
from facewatch.state.ledger.schema import BUSY_SECONDS, VERSION, decode_lossy, translated, version_of

CREATION_SECONDS = 0.3
ROW = "id, path, folder, state, error, reason, report, output IS NOT NULL, added, changed"  # a PhotoRow
RECENT = (
    # SQLite would choose the index on states and sort all finished photos.
    f"SELECT {COLUMNS} FROM photos INDEXED BY photos_finished "  # noqa: S608  # no text from outside
    "WHERE state IN ('done', 'no_faces') ORDER BY changed DESC LIMIT ?"
)


def placeholders(values: Sequence[Any]) -> str:
    """Return a question mark for each value."""
    return ", ".join("?" * len(values))


def _in(folders: Collection[Path] | None) -> tuple[str, list[bytes]]:
    """Return the SQL condition for rows of these watched roots, and its values."""
    if folders is None:
        return "TRUE", []
    return f"folder IN ({placeholders(list(folders))})", [os.fsencode(folder) for folder in folders]


class LedgerQueries(ABC):
    """The queries; a subclass provides the connection."""

    def __init__(self, file: Path, now: Callable[[], float]) -> None:
        self.file = file
        self._now = now

    @abstractmethod
    def _reading(self) -> AbstractContextManager[sqlite3.Connection | None]:
        """Provide a connection to read from, or None if there is no ledger yet."""

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with translated(self.file), self._reading() as connection:
            return [] if connection is None else connection.execute(sql, values).fetchall()

    def _jobs(self, rest: str, values: Sequence[Any] = ()) -> list[Job]:
        return self._read(f"SELECT {COLUMNS} FROM photos {rest}", values)  # noqa: S608  # no text from outside

    def _read(self, sql: str, values: Sequence[Any]) -> list[Job]:
        rows = self._rows(sql, values)
        with translated(self.file):
            return [to_job(row) for row in rows]

    def counts(self, folders: Collection[Path] | None = None) -> dict[State, int]:
        """Return the number of photos in each state.

        folders  the watched roots whose waiting and failed photos count; None: all roots there ever were
        """
        which, values = _in(folders)
        sql = "SELECT state, COUNT(*) FROM photos WHERE state NOT IN ('queued', 'retry', 'parked', 'poison')"
        found = dict(self._rows(f"{sql} OR {which} GROUP BY state", values))
        return {state: found.get(state, 0) for state in STATES}

    def waiting(self) -> int:
        """Return the number of photos that are queued or will be tried again."""
        return int(sum(row[0] for row in self._rows(
            "SELECT COUNT(*) FROM photos WHERE state IN ('queued', 'retry')")))  # fmt: skip

    def photo(self, path: Path) -> Job | None:
        """Return the job of one path."""
        return next(iter(self._jobs("WHERE path = ?", [os.fsencode(path)])), None)

    def photo_of(self, number: int) -> Job | None:
        """Return the job with this id."""
        return next(iter(self._jobs("WHERE id = ?", [number])), None)

    def recent(self, limit: int = 10) -> list[Job]:
        """Return the photos finished last (done or without faces), the latest first."""
        return self._read(RECENT, [limit])

    def failed(self, limit: int = 100, *, folders: Collection[Path] | None = None) -> list[Job]:
        """Return the parked and poison photos, the latest first; of these watched roots, or of all."""
        which, values = _in(folders)
        where = f"WHERE state IN ({placeholders(FAILED)}) AND {which} ORDER BY changed DESC, id DESC LIMIT ?"
        return self._jobs(where, [*FAILED, *values, limit])

    def failures(self, folders: Collection[Path] | None = None) -> list[tuple[str, str]]:
        """Return the error's class name and reason of each parked or poison photo; roots as `failed`."""
        which, values = _in(folders)
        sql = f"SELECT error, reason FROM photos WHERE state IN ({placeholders(FAILED)}) AND {which}"  # noqa: S608  # as above
        return [(error, reason) for error, reason in self._rows(sql, [*FAILED, *values])]

    def reports_after(self, changed: float) -> Iterator[tuple[float, dict[str, Any] | None]]:
        """Yield the reports of the photos finished after a time, each with its own time.

        changed  wall clock seconds
        """
        sql = (
            "SELECT changed, report FROM photos INDEXED BY photos_finished "
            "WHERE state IN ('done', 'no_faces') AND changed > ?"
        )
        with translated(self.file), self._reading() as connection:  # one by one: there may be 100,000
            for at, report in () if connection is None else connection.execute(sql, [changed]):
                yield at, None if report is None else json.loads(report)

    def ended_since(self, changed: float) -> int:
        """Return how many photos were tried since a time in wall clock seconds, and have to wait or ended."""
        finished = self._rows(
            "SELECT COUNT(*) FROM photos INDEXED BY photos_finished "
            "WHERE state IN ('done', 'no_faces') AND changed >= ?",
            [changed],
        )
        others = self._rows(
            "SELECT COUNT(*) FROM photos "
            "WHERE state IN ('skipped', 'parked', 'poison', 'retry') AND changed >= ?",
            [changed],
        )
        return sum(int(rows[0][0]) for rows in (finished, others) if rows)

    def retrying(self, limit: int = 100, *, folders: Collection[Path] | None = None) -> list[Job]:
        """Return the failed photos that will be tried again, the earliest due first; roots as `failed`."""
        which, values = _in(folders)
        return self._jobs(f"WHERE state = 'retry' AND {which} ORDER BY not_before LIMIT ?", [*values, limit])

    def skips(self, limit: int = 10, *, folders: Collection[Path] | None = None) -> list[Job]:
        """Return the files skipped last because facewatch made them, the latest first; roots as `failed`."""
        which, values = _in(folders)
        where = f"WHERE state = 'skipped' AND {which} ORDER BY changed DESC, id DESC LIMIT ?"
        return self._jobs(where, [*values, limit])

    def seconds_to_retry(self) -> float | None:
        """Return the seconds until the first retry is due, 0 if one is due; None if there is none."""
        now = self._now()
        sql = (
            "SELECT MIN(CASE WHEN not_before > ? + wait_seconds THEN ? ELSE not_before END) "
            "FROM photos WHERE state = 'retry'"
        )
        due = self._rows(sql, [now, now])
        return None if not due or due[0][0] is None else max(0.0, float(due[0][0]) - now)

    def interrupted(self) -> list[Job]:
        """Return the photos in work: right after a start, those that the last run left unfinished."""
        return self._jobs("WHERE state IN ('running', 'committing') ORDER BY turn")

    def fact(self, key: str) -> Any:
        """Return the value stored under `key` (JSON data); None if there is none."""
        rows = self._rows("SELECT value FROM facts WHERE key = ?", [key])
        with translated(self.file):
            return json.loads(rows[0][0]) if rows else None

    def facts(self) -> dict[str, Any]:
        """Return all stored facts."""
        rows = self._rows("SELECT key, value FROM facts ORDER BY key")
        with translated(self.file):
            return {key: json.loads(value) for key, value in rows}


class LedgerView(LedgerQueries):
    """The ledger for readers: status and the tray, beside a running daemon or without one.

    Each query opens the file briefly, so that a ledger that was set aside meanwhile is not kept open. A
    missing file reads as an empty ledger. Every query raises BadLedger if the file cannot be read.
    """

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        super().__init__(file, now)

    def _version(self, connection: sqlite3.Connection, *, log_is_missing: bool) -> int:
        """Return the schema's version; a ledger that needs its log and lacks it is not an empty one."""
        try:
            version = version_of(connection)
            if version or not log_is_missing or not self.file.stat().st_size:
                return version
            time.sleep(CREATION_SECONDS)  # it may be in the middle of being created
            if version := version_of(connection):
                return version
        except sqlite3.OperationalError:
            if not log_is_missing:
                raise
        raise BadLedger(
            f"the ledger {self.file} cannot be read: its log, {log_of(self.file).name}, is missing. "
            "Restart facewatch: it rebuilds the ledger from the copies that exist"
        )

    def missing_part(self) -> str:
        """Return the name of a part of a running daemon's ledger that was deleted; empty if all are there.

        The log beside the file holds the latest results; a daemon that has ended may leave none.
        """
        missing = (part.name for part in (self.file, log_of(self.file)) if _stays_missing(part))
        return next(missing, "")

    def changed_since(self, changed: float, numbers: Collection[int] = ()) -> Iterator[PhotoRow]:
        """Yield the photos changed at or after a time, and those with these ids, in no order.

        changed  wall clock seconds
        """
        ids = list(numbers)
        sql = f"SELECT {ROW} FROM photos WHERE changed >= ? OR id IN ({placeholders(ids)})"  # noqa: S608  # as above
        with translated(self.file), self._reading() as connection:
            for row in () if connection is None else connection.execute(sql, [changed, *ids]):
                yield to_photo_row(row)

    def newest(self, first: int, count: int) -> list[PhotoRow]:
        """Return a part of all photos that are still there, those found last first."""
        rest = "FROM photos WHERE state NOT IN ('skipped', 'gone') ORDER BY id DESC LIMIT ? OFFSET ?"
        rows = self._rows(f"SELECT {ROW} {rest}", [count, first])
        with translated(self.file):
            return [to_photo_row(row) for row in rows]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        try:
            self.file.stat()
            log_is_missing = not log_of(self.file).exists()  # opening the file may create one
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        except OSError as error:
            raise BadLedger(f"the ledger {self.file} cannot be read: {error.strerror}") from error
        address = f"{self.file.absolute().as_uri()}?mode=ro"
        opened = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        with closing(opened) as connection:
            connection.text_factory = decode_lossy
            version = self._version(connection, log_is_missing=log_is_missing)
            if version > VERSION:
                raise BadLedger(f"the ledger {self.file} was written by a newer facewatch: update facewatch")
            yield connection if version else None


def log_of(ledger: Path) -> Path:
    """Return the path of SQLite's write-ahead log beside a ledger."""
    return ledger.with_name(f"{ledger.name}-wal")


def _stays_missing(file: Path) -> bool:
    """Return True if a file is missing, and still is a moment later: a ledger is not created at once."""
    if file.exists():
        return False
    time.sleep(CREATION_SECONDS)
    return not file.exists()
