"""The ledger's queue: photos in, and the choice of the next."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from facewatch.state.ledger.connection import LedgerConnection, blobs_below, to_blob
from facewatch.state.ledger.jobs import ENDED, Job, seen_text, to_json
from facewatch.state.ledger.queries import placeholders
from facewatch.system.fingerprint import Fingerprint, Settled


class LedgerQueue(LedgerConnection):
    """The half of the ledger that takes photos in and chooses the next."""

    def queue(
        self, path: Path, folder: Path, fingerprint: Fingerprint, wishes: Mapping[str, Any] | None = None
    ) -> bool:
        """Queue a settled file; False if this very file is queued, in work or finished already.

        folder  the watched root it came from
        wishes  the options of a redo: queues the file in any state, ahead of all others
        """
        with self._writing() as connection:
            return self._queue(connection, path, folder, fingerprint, wishes)

    def queue_many(self, found: Iterable[tuple[Path, Settled]]) -> int:
        """Queue settled files, each with the watched root it came from; return how many were new."""
        with self._writing() as connection:
            return sum(
                self._queue(connection, settled.path, folder, settled.fingerprint, None)
                for folder, settled in found
            )

    def requeue_failed(self) -> int:
        """Queue all parked, poison and retry photos again, no attempt counted; return how many."""
        return self._requeue("TRUE", [])

    def requeue(self, path: Path) -> int:
        """Queue one parked, poison or retry photo again, no attempt counted; return 0 if it is none."""
        return self._requeue("path = ?", [to_blob(path)])

    def _requeue(self, which: str, values: list[Any]) -> int:
        failed = f"SELECT id FROM photos WHERE state IN ('parked', 'poison', 'retry') AND {which}"  # noqa: S608  # no text from outside
        with self._writing() as connection:
            rows = connection.execute(f"{failed} ORDER BY turn", values).fetchall()
            now = self._now()
            connection.executemany(
                "UPDATE photos SET state = 'queued', turn = ?, attempts = 0, not_before = NULL, "
                "sha256 = NULL, changed = ? WHERE id = ?",
                [(self._next_turn(), now, number) for (number,) in rows],
            )
            return len(rows)

    def gone(self, path: Path) -> list[Path]:
        """Mark the waiting and failed photos at or below a deleted path as gone, and return them.

        Photos in work or finished keep their state. A file that comes back is queued again, once the inbox,
        which remembers it as handed over, has forgotten it.
        """
        with self._writing() as connection:
            found = connection.execute(
                "SELECT id, path FROM photos WHERE (path = ? OR (path > ? AND path < ?)) "
                "AND state IN ('queued', 'retry', 'parked', 'poison')",
                [to_blob(path), *blobs_below(path)],
            ).fetchall()
            now = self._now()
            connection.executemany(
                "UPDATE photos SET state = 'gone', not_before = NULL, wishes = NULL, changed = ? "
                "WHERE id = ?",
                [(now, number) for number, _ in found],
            )
        return [Path(os.fsdecode(name)) for _, name in found]

    def next(self, folders: Collection[Path], *, untried_first: bool = False) -> Job | None:
        """Return the next photo of these watched roots: a due retry, a redo, or the oldest queued.

        untried_first  retries come last: the engine may be failing on everything

        A retry that lies further ahead than its whole delay was scheduled before the clock was put back, and
        counts as due.
        """
        roots = [to_blob(folder) for folder in folders]
        if untried_first:
            return self._first_queued(roots) or self._first_due(roots)
        return self._first_due(roots) or self._first_queued(roots)

    def _first_due(self, roots: list[bytes]) -> Job | None:
        now = self._now()
        due = self._jobs(
            f"WHERE state = 'retry' AND folder IN ({placeholders(roots)}) "
            "AND (not_before <= ? OR not_before > ? + wait_seconds) ORDER BY not_before LIMIT 1",
            [*roots, now, now],
        )
        return due[0] if due else None

    def _first_queued(self, roots: list[bytes]) -> Job | None:
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
        name, root, seen = to_blob(path), to_blob(folder), seen_text(fingerprint)
        sql = "SELECT id, seen, state, folder, wishes FROM photos WHERE path = ?"
        row = connection.execute(sql, [name]).fetchone()
        if row is not None and row[1] == seen and row[2] != "gone" and wishes is None:
            if row[3] != root:  # the settings now watch it from another root
                connection.execute("UPDATE photos SET folder = ? WHERE id = ?", [root, row[0]])
            return False
        now = self._now()
        options = to_json(wishes)
        if options is None and row is not None and row[2] not in ENDED:
            options = row[4]  # an unfinished redo whose file has changed meanwhile
        rank = 1 if options is None else 0
        values = [root, seen, self._next_turn(), rank, options, now]
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
