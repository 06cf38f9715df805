"""How photos come into the queue, and whose turn it is."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from facewatch.state.ledger.connection import LedgerConnection, below, name_of
from facewatch.state.ledger.jobs import ENDED, Job, seen_text, to_json
from facewatch.state.ledger.queries import marks
from facewatch.system.fingerprint import Fingerprint, Settled


class Queue(LedgerConnection):
    """The half of the ledger that takes photos in and says which is next."""

    def queue(
        self, path: Path, folder: Path, fingerprint: Fingerprint, wishes: Mapping[str, Any] | None = None
    ) -> bool:
        """Queue a settled file; False if this very file is queued, under way or done with already.

        folder  the watched root it came from
        wishes  of a redo: queues the file whatever became of it before, ahead of all others
        """
        with self._writing() as connection:
            return self._queue(connection, path, folder, fingerprint, wishes)

    def queue_many(self, found: Iterable[tuple[Path, Settled]]) -> int:
        """Queue settled files, each after the watched root it came from; how many were news."""
        with self._writing() as connection:
            return sum(
                self._queue(connection, settled.path, folder, settled.fingerprint, None)
                for folder, settled in found
            )

    def requeue_failed(self) -> int:
        """Queue again all that is parked, poison or waiting for another attempt, none counted; how many."""
        with self._writing() as connection:
            rows = connection.execute(
                "SELECT id FROM photos WHERE state IN ('parked', 'poison', 'retry') ORDER BY turn"
            ).fetchall()
            now = self._now()
            connection.executemany(
                "UPDATE photos SET state = 'queued', turn = ?, attempts = 0, not_before = NULL, "
                "sha256 = NULL, changed = ? WHERE id = ?",
                [(self._next_turn(), now, number) for (number,) in rows],
            )
            return len(rows)

    def gone(self, path: Path) -> list[Path]:
        """Note that a file, or a folder with all below it, went; the photos that waited or had failed there.

        What is under way or finished stays what it is. If a file comes back it is queued again, once whoever
        remembers it as handed over has forgotten it.
        """
        with self._writing() as connection:
            found = connection.execute(
                "SELECT id, path FROM photos WHERE (path = ? OR (path > ? AND path < ?)) "
                "AND state IN ('queued', 'retry', 'parked', 'poison')",
                [name_of(path), *below(path)],
            ).fetchall()
            now = self._now()
            connection.executemany(
                "UPDATE photos SET state = 'gone', not_before = NULL, wishes = NULL, changed = ? "
                "WHERE id = ?",
                [(now, number) for number, _ in found],
            )
        return [Path(os.fsdecode(name)) for _, name in found]

    def next(self, folders: Collection[Path], *, untried_first: bool = False) -> Job | None:
        """The photo whose turn it is in these watched roots: one to try again, a redo, the oldest queued.

        untried_first  those that have failed come last: the engine may be failing on everything

        A time to try again that lies further ahead than its whole back-off was set before the clock was put
        back, and counts as due.
        """
        roots = [name_of(folder) for folder in folders]
        ways = (self._queued, self._due) if untried_first else (self._due, self._queued)
        return ways[0](roots) or ways[1](roots)

    def _due(self, roots: list[bytes]) -> Job | None:
        now = self._now()
        due = self._jobs(
            f"WHERE state = 'retry' AND folder IN ({marks(roots)}) "
            "AND (not_before <= ? OR not_before > ? + wait_seconds) ORDER BY not_before LIMIT 1",
            [*roots, now, now],
        )
        return due[0] if due else None

    def _queued(self, roots: list[bytes]) -> Job | None:
        first = (
            "SELECT rank, turn, id FROM photos WHERE state = 'queued' AND folder = ? "
            "ORDER BY rank, turn LIMIT 1"
        )
        heads = [row for root in roots for row in self._rows(first, [root])]
        return self._jobs("WHERE id = ?", [min(heads)[2]])[0] if heads else None

    def _queue(
        self,
        connection: sqlite3.Connection,
        path: Path,
        folder: Path,
        fingerprint: Fingerprint,
        wishes: Mapping[str, Any] | None,
    ) -> bool:
        name, root, seen = name_of(path), name_of(folder), seen_text(fingerprint)
        sql = "SELECT id, seen, state, folder, wishes FROM photos WHERE path = ?"
        row = connection.execute(sql, [name]).fetchone()
        if row is not None and row[1] == seen and row[2] != "gone" and wishes is None:
            if row[3] != root:  # the settings now watch it from another root
                connection.execute("UPDATE photos SET folder = ? WHERE id = ?", [root, row[0]])
            return False
        now = self._now()
        wished = to_json(wishes)
        if wished is None and row is not None and row[2] not in ENDED:
            wished = row[4]  # a redo whose turn was still to come: its file has changed meanwhile
        rank = 1 if wished is None else 0
        values = [root, seen, self._next_turn(), rank, wished, now]
        if row is None:
            connection.execute(
                "INSERT INTO photos (folder, seen, turn, rank, wishes, changed, path, added, state) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued')",
                [*values, name, now],
            )
        else:
            connection.execute(
                "UPDATE photos SET folder = ?, seen = ?, turn = ?, rank = ?, wishes = ?, changed = ?, "
                "state = 'queued', attempts = 0, not_before = NULL WHERE id = ?",
                [*values, row[0]],
            )
        return True
