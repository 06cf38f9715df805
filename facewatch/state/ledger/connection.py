"""The ledger's one writing connection, and the facts written through it."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from facewatch.state.ledger.queries import LedgerQueries, log_of
from facewatch.state.ledger.schema import DamagedLedger, open_for_writing, translated


class LedgerConnection(LedgerQueries):
    """The connection and its lock: one for a process, safe from any of its threads."""

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        """Open `file` or create it. Raises DamagedLedger for a damaged one."""
        super().__init__(file, now)
        self._lock = threading.RLock()
        self._connection = open_for_writing(file)
        self._parts = self._parts_in_place()
        self._turn = int(self._connection.execute("SELECT COALESCE(MAX(turn), 0) FROM photos").fetchone()[0])

    def close(self) -> None:
        """Close the file; no method may be called afterwards."""
        with self._lock:
            self._connection.close()

    def require_in_place(self) -> None:
        """Raise DamagedLedger if the ledger's file or its log was deleted or replaced since it was opened.

        SQLite goes on with the deleted files, which no reader sees and no next start finds.
        """
        try:
            now = self._parts_in_place()
        except OSError:  # too many open files, or a disk that does not answer: nothing is known
            return
        if now != self._parts:
            raise DamagedLedger(f"the ledger {self.file}, or its log beside it, was deleted or replaced")

    def _parts_in_place(self) -> list[tuple[int, int]]:
        found = []
        for part in (self.file, log_of(self.file)):
            with suppress(FileNotFoundError, NotADirectoryError):
                status = part.stat()
                found.append((status.st_dev, status.st_ino))
        return found

    def note(self, key: str, value: Any) -> None:
        """Store `value` (JSON data) under `key`, for readers of the ledger.

        It survives a crash of the program, but the last values may be lost in a power cut.
        """
        text = json.dumps(value, separators=(",", ":"))
        with self._lock, translated(self.file), self._unsynced() as connection:
            # An unchanged value is not written: progress comes often, and disks wear.
            connection.execute(
                "INSERT INTO facts (key, value, changed) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE "
                "SET value = excluded.value, changed = excluded.changed WHERE value <> excluded.value",
                [key, text, self._now()],
            )

    def forget(self, *keys: str) -> None:
        """Delete the values of these keys."""
        with self._lock, translated(self.file), self._unsynced() as connection:
            connection.executemany("DELETE FROM facts WHERE key = ?", [(key,) for key in keys])

    def _next_turn(self) -> int:
        self._turn += 1
        return self._turn

    @contextmanager
    def _unsynced(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("PRAGMA synchronous = NORMAL")
        try:
            yield self._connection
        finally:
            self._connection.execute("PRAGMA synchronous = FULL")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self.file):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled it back already
                    self._connection.execute("ROLLBACK")
                raise


def changed_rows(cursor: sqlite3.Cursor) -> bool:
    """True if an UPDATE changed a row."""
    return cursor.rowcount > 0


def to_blob(path: Path) -> bytes:
    """Return a path as the ledger stores it, byte for byte."""
    return os.fsencode(path)


def blobs_below(folder: Path) -> tuple[bytes, bytes]:
    """Return the exclusive bounds of the stored paths below a folder, in the ledger's sort order."""
    separator = os.sep.encode()
    return to_blob(folder) + separator, to_blob(folder) + bytes([separator[0] + 1])
