"""What can be asked of the ledger, by its writer and by those who only look."""

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
from facewatch.state.ledger.jobs import COLUMNS, FAILED, STATES, Job, State, to_job
from facewatch.state.ledger.schema import BUSY_SECONDS, VERSION, readable, translated, version_of

RECENT = (
    # Left to itself SQLite takes the index on states, and sorts all that was ever done.
    f"SELECT {COLUMNS} FROM photos INDEXED BY photos_finished "  # noqa: S608  # no text from outside
    "WHERE state IN ('done', 'no_faces') ORDER BY changed DESC LIMIT ?"
)


def marks(values: Sequence[Any]) -> str:
    """As many question marks as there are values."""
    return ", ".join("?" * len(values))


def _in(folders: Collection[Path] | None) -> tuple[str, list[bytes]]:
    """What a row has to be to belong to these watched roots, and the values of its question marks."""
    if folders is None:
        return "TRUE", []
    return f"folder IN ({marks(list(folders))})", [os.fsencode(folder) for folder in folders]


class LedgerQueries(ABC):
    """The questions; a subclass says how the file is reached."""

    def __init__(self, file: Path, now: Callable[[], float]) -> None:
        self.file = file
        self._now = now

    @abstractmethod
    def _reading(self) -> AbstractContextManager[sqlite3.Connection | None]:
        """A connection to read from, or None where there is no ledger yet."""

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
        """How many photos are in each state; every state is there.

        folders  the watched roots whose photos count while they wait or have failed; None: all there were
        """
        which, values = _in(folders)
        sql = "SELECT state, COUNT(*) FROM photos WHERE state NOT IN ('queued', 'retry', 'parked', 'poison')"
        found = dict(self._rows(f"{sql} OR {which} GROUP BY state", values))
        return {state: found.get(state, 0) for state in STATES}

    def waiting(self) -> int:
        """How many photos are queued or will be tried again."""
        return int(sum(row[0] for row in self._rows(
            "SELECT COUNT(*) FROM photos WHERE state IN ('queued', 'retry')")))  # fmt: skip

    def photo(self, path: Path) -> Job | None:
        """What is known of one path."""
        return next(iter(self._jobs("WHERE path = ?", [os.fsencode(path)])), None)

    def recent(self, limit: int = 10) -> list[Job]:
        """The photos finished last (done or without faces), the latest first."""
        return self._read(RECENT, [limit])

    def failed(self, limit: int = 100, *, folders: Collection[Path] | None = None) -> list[Job]:
        """The photos that are parked or poison, the latest first; of these watched roots, or of all."""
        which, values = _in(folders)
        where = f"WHERE state IN ({marks(FAILED)}) AND {which} ORDER BY changed DESC, id DESC LIMIT ?"
        return self._jobs(where, [*FAILED, *values, limit])

    def retrying(self, limit: int = 100, *, folders: Collection[Path] | None = None) -> list[Job]:
        """The photos that failed and will be tried again, the one that is due first first; as `failed`."""
        which, values = _in(folders)
        return self._jobs(f"WHERE state = 'retry' AND {which} ORDER BY not_before LIMIT ?", [*values, limit])

    def seconds_to_retry(self) -> float | None:
        """How long until the first of them is due, 0 if one is; None if there is none."""
        now = self._now()
        sql = (
            "SELECT MIN(CASE WHEN not_before > ? + wait_seconds THEN ? ELSE not_before END) "
            "FROM photos WHERE state = 'retry'"
        )
        due = self._rows(sql, [now, now])
        return None if not due or due[0][0] is None else max(0.0, float(due[0][0]) - now)

    def interrupted(self) -> list[Job]:
        """The photos under way: right after a start, those that the last run did not end."""
        return self._jobs("WHERE state IN ('running', 'committing') ORDER BY turn")

    def fact(self, key: str) -> Any:
        """What was last noted under `key` (JSON data); None if nothing was."""
        rows = self._rows("SELECT value FROM facts WHERE key = ?", [key])
        with translated(self.file):
            return json.loads(rows[0][0]) if rows else None

    def facts(self) -> dict[str, Any]:
        """All that is noted."""
        rows = self._rows("SELECT key, value FROM facts ORDER BY key")
        with translated(self.file):
            return {key: json.loads(value) for key, value in rows}


class LedgerView(LedgerQueries):
    """The ledger for those who only look: status and the tray, beside a running daemon or without one.

    Each question opens the file anew, for a moment: a ledger that was set aside meanwhile is not held on to.
    A missing file reads as an empty ledger. Every question raises BadLedger where the file cannot be read.
    """

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        super().__init__(file, now)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        try:
            self.file.stat()
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        except OSError as error:
            raise BadLedger(f"the ledger {self.file} cannot be read: {error.strerror}") from error
        address = f"{self.file.absolute().as_uri()}?mode=ro"
        opened = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        with closing(opened) as connection:
            connection.text_factory = readable
            version = version_of(connection)
            if version > VERSION:
                raise BadLedger(f"the ledger {self.file} was written by a newer facewatch: update facewatch")
            yield connection if version else None
