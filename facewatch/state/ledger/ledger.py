"""The ledger's one writer: the worker's way through a job."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.state.ledger.connection import changed_rows, name_of
from facewatch.state.ledger.jobs import COLUMNS, FinishedDuplicate, Job, State, to_job, to_json, to_path
from facewatch.state.ledger.queue import Queue
from facewatch.state.ledger.schema import DamagedLedger, set_aside, translated

FOR_GOOD = (BadPhoto.__name__, TruncatedPhoto.__name__)  # a failure of the content itself
CLAIMANTS = "SELECT id, path FROM photos WHERE output = ? AND id <> ?"
END = "temporary = NULL, reason = ?, error = ?"


class Ledger(Queue):
    """What was done to which file; a call about a photo returns when the disk has it.

    One process may hold one; any of its threads may call. A call about a job that was queued anew meanwhile
    (its file changed, or a redo was asked for) changes nothing and returns False.

    Every call raises DiskFull when the disk is full, BadLedger when the file cannot be used.
    """

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        """Open `file` or make it. Raises DamagedLedger for a damaged one; `Ledger.open` sets it aside."""
        super().__init__(file, now)
        self.notice = ""

    @classmethod
    def open(cls, file: Path, now: Callable[[], float] = time.time) -> Ledger:
        """Open `file`; a damaged one is set aside (kept, `ledger.broken-...`) and a new one begun.

        The new ledger's `notice` then tells so; it is empty otherwise. Raises BadLedger for a newer ledger or
        one that cannot be opened: those are left as they are.
        """
        try:
            return cls(file, now)
        except DamagedLedger as error:
            kept = set_aside(file, now())
            ledger = cls(file, now)
            ledger.notice = f"{error}. It was kept as {kept.name}, and a new one was begun."
            return ledger

    def start(self, job: Job) -> Job | None:
        """Count the attempt, before any work; returns the job as it is now, None if it waits no longer."""
        with self._writing() as connection:
            started = connection.execute(
                "UPDATE photos SET state = 'running', attempts = attempts + 1, not_before = NULL, "
                "changed = ? WHERE id = ? AND state IN ('queued', 'retry')",
                [self._now(), job.id],
            )
            if not changed_rows(started):
                return None
            sql = f"SELECT {COLUMNS} FROM photos WHERE id = ?"  # noqa: S608  # no text from outside
            return to_job(connection.execute(sql, [job.id]).fetchone())

    def same_content(self, job: Job, sha256: str) -> bool:
        """Send a file that only looked new straight back to the end state its content had come to.

        True if so: the job is ended. Never for a redo, for content that has not come to an end, or for one
        that failed for a cause outside of it, which may be mended now.
        """
        if job.wishes is not None:
            return False
        with self._writing() as connection:
            return changed_rows(
                connection.execute(
                    "UPDATE photos SET state = ended, changed = ? WHERE id = ? AND turn = ? AND sha256 = ? "
                    "AND (ended IN ('done', 'no_faces', 'skipped') "
                    "OR (ended = 'parked' AND error IN (?, ?)))",
                    [self._now(), job.id, job.turn, sha256, *FOR_GOOD],
                )
            )

    def record_hash(self, job: Job, sha256: str, recipe: str) -> bool:
        """Note what the photo is and how it will be restored; forgets what an earlier turn came to."""
        fresh = (
            "sha256 = ?, recipe = ?, ended = NULL, output = NULL, output_sha256 = NULL, temporary = NULL, "
            "report = NULL, reason = '', error = ''"
        )
        with self._writing() as connection:
            return self._change(connection, job, fresh, [sha256, recipe])

    def finished_duplicate(self, sha256: str, recipe: str) -> FinishedDuplicate | None:
        """A restored copy of the same bytes by the same recipe; the caller looks whether it is there."""
        rows = self._rows(
            "SELECT output, output_sha256, report FROM photos WHERE sha256 = ? AND recipe = ? "
            "AND state = 'done' AND output IS NOT NULL AND output_sha256 IS NOT NULL "
            "ORDER BY changed DESC LIMIT 1",
            [sha256, recipe],
        )
        if not rows:
            return None
        output, digest, report = rows[0]
        with translated(self.file):
            path = to_path(output)
            assert path is not None
            return FinishedDuplicate(path, digest, None if report is None else json.loads(report))

    def is_output(self, sha256: str, path: Path) -> bool:
        """Whether a file with this content is one that facewatch has made, wherever it lies now.

        A photo copied unchanged has its source's own hash: such an output is known only at its own place.
        """
        found = self._rows("SELECT unchanged, path FROM outputs WHERE sha256 = ?", [sha256])
        return any(not unchanged or _same_place(Path(os.fsdecode(name)), path) for unchanged, name in found)

    def claimed(self, output: Path, job: Job) -> bool:
        """Whether a file is the copy of another photo than this one, which is still there.

        A photo whose folder was renamed, or is spelled otherwise now, is no other.
        """
        return any(_another(name, job.path) for _, name in self._rows(CLAIMANTS, [name_of(output), job.id]))

    def committing(
        self,
        job: Job,
        output: Path,
        output_sha256: str,
        temporary: Path | None,
        report: Mapping[str, Any] | None = None,
    ) -> bool:
        """Note what is about to get its final name; from here on its hash is known as our own output.

        temporary  where it still is; None: it has that name already

        False: the file has changed meanwhile and the result is stale: drop it.
        """
        wanted = "state = 'committing', output = ?, output_sha256 = ?, temporary = ?, report = ?"
        rest = None if temporary is None else name_of(temporary)
        values = [name_of(output), output_sha256, rest, to_json(report)]
        with self._writing() as connection:
            current = self._change(connection, job, wanted, values, "AND state IN ('running', 'committing')")
            if current:
                connection.execute(
                    "INSERT OR REPLACE INTO outputs (sha256, path, unchanged, made) "
                    "SELECT output_sha256, output, output_sha256 IS sha256, changed FROM photos WHERE id = ?",
                    [job.id],
                )
                self._take_over(connection, output, job)
            return current

    def done(self, job: Job, report: Mapping[str, Any] | None) -> bool:
        """The restored copy has its name."""
        return self._end(job, "done", report=report)

    def no_faces(self, job: Job, report: Mapping[str, Any] | None) -> bool:
        """There was nothing to restore; a copy made all the same was told to `committing`."""
        return self._end(job, "no_faces", report=report)

    def skipped(self, job: Job, reason: str) -> bool:
        """The file is our own output."""
        return self._end(job, "skipped", reason=reason)

    def park(self, job: Job, reason: str, error: str) -> bool:
        """Give up until the user asks again or the file changes."""
        return self._end(job, "parked", reason=reason, error=error)

    def poison(self, job: Job, reason: str, error: str) -> bool:
        """Give up on a photo that brought the engine down too often."""
        return self._end(job, "poison", reason=reason, error=error)

    def retry(self, job: Job, reason: str, error: str, after_seconds: float, *, counted: bool = True) -> bool:
        """Let it wait and try again; the attempt is uncounted where the photo may not be to blame."""
        attempts = "attempts" if counted else "MAX(0, attempts - 1)"
        later = f"state = 'retry', {END}, not_before = ?, wait_seconds = ?, attempts = {attempts}"
        due = self._now() + after_seconds
        with self._writing() as connection:
            return self._change(connection, job, later, [reason, error, due, after_seconds])

    def give_back(self, job: Job) -> bool:
        """Back into the queue, to its old place, the attempt uncounted: the photo was not to blame."""
        back = "state = 'queued', temporary = NULL, not_before = NULL, attempts = MAX(0, attempts - 1)"
        with self._writing() as connection:
            return self._change(connection, job, back, [])

    def lost(self, job: Job, reason: str) -> bool:
        """Its file has vanished, or changed while it was read: gone, until it is seen settled again."""
        with self._writing() as connection:
            return self._change(connection, job, f"state = 'gone', not_before = NULL, {END}", [reason, ""])

    @staticmethod
    def _take_over(connection: sqlite3.Connection, output: Path, job: Job) -> None:
        """Let go of a copy whose photo is not there any more: if it comes back it gets one of its own."""
        claimants = connection.execute(CLAIMANTS, [name_of(output), job.id]).fetchall()
        connection.executemany(
            "UPDATE photos SET state = 'gone', ended = NULL, output = NULL, wishes = NULL "
            "WHERE id = ? AND state NOT IN ('running', 'committing')",
            [(number,) for number, name in claimants if not _another(name, job.path)],
        )

    def _end(
        self,
        job: Job,
        state: State,
        *,
        report: Mapping[str, Any] | None = None,
        reason: str = "",
        error: str = "",
    ) -> bool:
        # `hashed` clears `ended`. Where it still stands, this turn never came to know its content, and the
        # hash in the row is that of an earlier one.
        known = "sha256 = CASE WHEN ended IS NULL THEN sha256 END, ended = CASE WHEN ended IS NULL THEN ? END"
        wanted = f"state = ?, {known}, report = ?, not_before = NULL, {END}"
        with self._writing() as connection:
            return self._change(connection, job, wanted, [state, state, to_json(report), reason, error])

    def _change(
        self, connection: sqlite3.Connection, job: Job, to: str, values: Sequence[Any], only: str = ""
    ) -> bool:
        sql = f"UPDATE photos SET {to}, changed = ? WHERE id = ? AND turn = ? {only}"  # noqa: S608  # as above
        told = [_text(value) if isinstance(value, str) else value for value in values]
        return changed_rows(connection.execute(sql, [*told, self._now(), job.id, job.turn]))


def _text(value: str) -> str:
    r"""A reason as SQLite takes it: a name in it that is no UTF-8 has its odd bytes written out, `\udce9`."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _another(name: bytes, photo: Path) -> bool:
    """Whether a photo of this name is there, and is another."""
    claimant = Path(os.fsdecode(name))
    return os.path.lexists(claimant) and not _same_place(claimant, photo)


def _same_place(one: Path, other: Path) -> bool:
    """Whether two names lead to one place, through links or however they are spelled.

    Not whether it is one file: what finds duplicates may have linked a photo and its unchanged copy.
    """
    if one == other:
        return True
    try:
        return one.name == other.name and one.parent.samefile(other.parent)
    except OSError:
        return False
