"""The ledger's writer: the steps of a job."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.state.ledger.connection import changed_rows, to_blob
from facewatch.state.ledger.jobs import COLUMNS, FinishedDuplicate, Job, State, to_job, to_json, to_path
from facewatch.state.ledger.queue import LedgerQueue
from facewatch.state.ledger.schema import DamagedLedger, set_aside, translated

CONTENT_ERRORS = (BadPhoto.__name__, TruncatedPhoto.__name__)  # the content itself is at fault
CLAIMANTS = "SELECT id, path FROM photos WHERE output = ? AND id <> ?"
NOTE_OUTPUT = (
    "INSERT OR REPLACE INTO outputs (sha256, path, unchanged, made) "
    "SELECT output_sha256, output, output_sha256 IS sha256, changed FROM photos WHERE id = ?"
)
END = "temporary = NULL, reason = ?, error = ?"


class Ledger(LedgerQueue):
    """The record of all photos; a call about a photo returns once the change is on the disk.

    One for a process, safe from any of its threads. A call about a job that was queued again meanwhile (its
    file changed, or a redo was requested) changes nothing and returns False.

    Every call raises DiskFull if the disk is full, BadLedger if the file cannot be used.
    """

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        """Open `file` or create it. Raises DamagedLedger for a damaged one; `Ledger.open` sets it aside."""
        super().__init__(file, now)
        self.notice = ""

    @classmethod
    def open(cls, file: Path, now: Callable[[], float] = time.time) -> Ledger:
        """Open `file`; set a damaged one aside (`ledger.broken-...`) and begin a new one.

        The new ledger's `notice` then says so; otherwise it is empty. Raises BadLedger for a newer ledger or
        one that cannot be opened: those are left unchanged.
        """
        try:
            return cls(file, now)
        except DamagedLedger as error:
            kept = set_aside(file, now())
            ledger = cls(file, now)
            ledger.notice = f"{error}. It was kept as {kept.name}, and a new one was begun."
            return ledger

    def start(self, job: Job) -> Job | None:
        """Count the attempt, before any work, and return the updated job; None if it is no longer waiting."""
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
        """Return a job to its former end state if its file only looked new; False if its content is new.

        Never for a redo, for content without an end state, or for a photo that failed for an outside cause,
        which may be fixed now.
        """
        if job.wishes is not None:
            return False
        with self._writing() as connection:
            return changed_rows(
                connection.execute(
                    "UPDATE photos SET state = ended, changed = ? WHERE id = ? AND turn = ? AND sha256 = ? "
                    "AND (ended IN ('done', 'no_faces', 'skipped') "
                    "OR (ended = 'parked' AND error IN (?, ?)))",
                    [self._now(), job.id, job.turn, sha256, *CONTENT_ERRORS],
                )
            )

    def record_hash(self, job: Job, sha256: str, recipe: str) -> bool:
        """Record the photo's hash and recipe; drop the result of an earlier turn."""
        fresh = (
            "sha256 = ?, recipe = ?, ended = NULL, output = NULL, output_sha256 = NULL, temporary = NULL, "
            "report = NULL, reason = '', error = ''"
        )
        with self._writing() as connection:
            return self._change(connection, job, fresh, [sha256, recipe])

    def finished_duplicate(self, sha256: str, recipe: str) -> FinishedDuplicate | None:
        """Return a restored copy of the same bytes by the same recipe; the caller checks that it exists."""
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
        """True if facewatch made a file with this content, wherever it lies now.

        A photo copied unchanged has its source's hash, so such an output counts only at its own path.
        """
        found = self._rows("SELECT unchanged, path FROM outputs WHERE sha256 = ?", [sha256])
        return any(not unchanged or _same_place(Path(os.fsdecode(name)), path) for unchanged, name in found)

    def claimed(self, output: Path, job: Job) -> bool:
        """True if a file is the copy of another photo that still exists.

        A photo whose folder was renamed, or is spelled differently now, is not another.
        """
        return any(
            _is_other_photo(name, job.path) for _, name in self._rows(CLAIMANTS, [to_blob(output), job.id])
        )

    def committing(
        self,
        job: Job,
        output: Path,
        output_sha256: str,
        temporary: Path | None,
        report: Mapping[str, Any] | None = None,
    ) -> bool:
        """Record a copy that is about to get its final name; from now on its hash counts as our own output.

        temporary  its present path; None: it has the final name already

        Returns False if the photo has changed meanwhile: the copy is stale and to be dropped.
        """
        wanted = "state = 'committing', output = ?, output_sha256 = ?, temporary = ?, report = ?"
        blob = None if temporary is None else to_blob(temporary)
        values = [to_blob(output), output_sha256, blob, to_json(report)]
        with self._writing() as connection:
            current = self._change(connection, job, wanted, values, "AND state IN ('running', 'committing')")
            if current:
                connection.execute(NOTE_OUTPUT, [job.id])
                self._release_copy(connection, output, job)
            return current

    def done(self, job: Job, report: Mapping[str, Any] | None) -> bool:
        """End a photo whose restored copy has its name."""
        return self._end(job, "done", report=report)

    def no_faces(self, job: Job, report: Mapping[str, Any] | None) -> bool:
        """End a photo without faces; its unchanged copy, if any, was recorded by `committing`."""
        return self._end(job, "no_faces", report=report)

    def skipped(self, job: Job, reason: str) -> bool:
        """End a file that is our own output."""
        return self._end(job, "skipped", reason=reason)

    def park(self, job: Job, reason: str, error: str) -> bool:
        """Give up on a photo until the user retries it or its file changes."""
        return self._end(job, "parked", reason=reason, error=error)

    def poison(self, job: Job, reason: str, error: str) -> bool:
        """Give up on a photo that crashed the engine too often."""
        return self._end(job, "poison", reason=reason, error=error)

    def retry(self, job: Job, reason: str, error: str, after_seconds: float, *, counted: bool = True) -> bool:
        """Schedule another attempt; `counted=False` where the photo may not be to blame."""
        attempts = "attempts" if counted else "MAX(0, attempts - 1)"
        later = f"state = 'retry', {END}, not_before = ?, wait_seconds = ?, attempts = {attempts}"
        due = self._now() + after_seconds
        with self._writing() as connection:
            return self._change(connection, job, later, [reason, error, due, after_seconds])

    def mark(self, path: Path, marks: Sequence[str], *, rejected: Mapping[str, Any] | None = None) -> bool:
        """Note what the user thinks of a finished photo's copy; its time of change stays.

        rejected  the copy that went to the trash, as `take_back` takes it
        """
        values: list[object] = [json.dumps(list(marks)), to_blob(path)]
        detached = ""
        if rejected is not None:
            detached = ", '$.rejected', json(?)), output = NULL, output_sha256 = NULL"
            values.insert(1, to_json(rejected))
        sql = (
            "UPDATE photos SET report = json_set(COALESCE(report, '{}'), '$.marks', json(?)"  # noqa: S608  # as above
            f"{detached or ')'} WHERE path = ? AND state IN ('done', 'no_faces')"
        )
        with self._writing() as connection:
            return changed_rows(connection.execute(sql, values))

    def take_back(self, job: Job, output: Path, earlier: Mapping[str, Any]) -> bool:
        """Make an earlier copy the copy of a finished photo again.

        output   its path now
        earlier  its "sha256", "recipe" and "report"
        """
        report = earlier["report"]
        state = "no_faces" if report.get("faces") == [] else "done"
        wanted = "state = ?, output = ?, output_sha256 = ?, recipe = ?, report = ?"
        values = [state, to_blob(output), earlier["sha256"], earlier["recipe"], to_json(report)]
        with self._writing() as connection:
            current = self._change(connection, job, wanted, values, "AND state IN ('done', 'no_faces')")
            if current:
                connection.execute(NOTE_OUTPUT, [job.id])
            return current

    def give_back(self, job: Job) -> bool:
        """Return a photo to its place in the queue, the attempt uncounted: it was not to blame."""
        back = "state = 'queued', temporary = NULL, not_before = NULL, attempts = MAX(0, attempts - 1)"
        with self._writing() as connection:
            return self._change(connection, job, back, [])

    def lost(self, job: Job, reason: str) -> bool:
        """Mark a photo whose file vanished or changed while it was read as gone until it settles again."""
        with self._writing() as connection:
            return self._change(connection, job, f"state = 'gone', not_before = NULL, {END}", [reason, ""])

    @staticmethod
    def _release_copy(connection: sqlite3.Connection, output: Path, job: Job) -> None:
        """Detach a copy from photos that no longer exist: if one comes back, it gets a copy of its own."""
        claimants = connection.execute(CLAIMANTS, [to_blob(output), job.id]).fetchall()
        connection.executemany(
            "UPDATE photos SET state = 'gone', ended = NULL, output = NULL, wishes = NULL "
            "WHERE id = ? AND state NOT IN ('running', 'committing')",
            [(number,) for number, name in claimants if not _is_other_photo(name, job.path)],
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
        # `record_hash` clears `ended`. If it is still set, this turn never hashed its content, and the hash
        # in the row is that of an earlier turn.
        known = "sha256 = CASE WHEN ended IS NULL THEN sha256 END, ended = CASE WHEN ended IS NULL THEN ? END"
        wanted = f"state = ?, {known}, report = ?, not_before = NULL, {END}"
        with self._writing() as connection:
            return self._change(connection, job, wanted, [state, state, to_json(report), reason, error])

    def _change(
        self,
        connection: sqlite3.Connection,
        job: Job,
        assignments: str,
        values: Sequence[Any],
        only: str = "",
    ) -> bool:
        sql = f"UPDATE photos SET {assignments}, changed = ? WHERE id = ? AND turn = ? {only}"  # noqa: S608  # as above
        bound = [_as_utf8(value) if isinstance(value, str) else value for value in values]
        return changed_rows(connection.execute(sql, [*bound, self._now(), job.id, job.turn]))


def _as_utf8(value: str) -> str:
    r"""Return text that SQLite accepts: bytes of a name that are no UTF-8 are written out as `\udce9`."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_other_photo(name: bytes, photo: Path) -> bool:
    """True if a photo of this name exists at another place."""
    claimant = Path(os.fsdecode(name))
    return os.path.lexists(claimant) and not _same_place(claimant, photo)


def _same_place(one: Path, other: Path) -> bool:
    """True if two paths are the same entry of the same folder, through links or however it is spelled.

    Two hard links to one file differ: a deduplicator may have linked a photo and its unchanged copy.
    """
    if one == other:
        return True
    try:
        return one.name == other.name and one.parent.samefile(other.parent)
    except OSError:
        return False
