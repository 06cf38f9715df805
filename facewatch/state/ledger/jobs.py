"""A photo's row as Python objects."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args

from facewatch.system.fingerprint import Fingerprint

State = Literal[
    "queued",  # waits for its turn
    "running",  # the engine has it; the attempt is counted
    "committing",  # the restored copy is written and is about to get its name
    "done",
    "no_faces",
    "skipped",  # our own output
    "retry",  # failed, and due again at `not_before`
    "parked",  # failed; waits for the user or for the file to change
    "poison",  # crashed the engine too often
    "gone",  # no longer there, or changed while it was read: queued when it is found again
]
STATES: tuple[State, ...] = get_args(State)
WAITING: tuple[State, ...] = ("queued", "retry")
FAILED: tuple[State, ...] = ("parked", "poison")
FINISHED: tuple[State, ...] = ("done", "no_faces")
ENDED: tuple[State, ...] = (*FINISHED, "skipped", *FAILED)

COLUMNS = (
    "id, path, folder, seen, turn, state, attempts, not_before, sha256, recipe, output, output_sha256, "
    "temporary, reason, error, report, wishes, added, changed"
)


@dataclass(frozen=True)
class Job:
    """One photo and its progress."""

    id: int
    path: Path
    folder: Path  # the watched root it came from
    fingerprint: Fingerprint
    turn: (
        int  # grows each time the photo is queued again: separates this job from a later one on the same path
    )
    state: State
    attempts: int
    not_before: float | None  # wall clock seconds
    sha256: str | None  # of the source's bytes
    recipe: str | None
    output: Path | None
    output_sha256: str | None
    temporary: Path | None
    reason: str  # for people; empty if there is none
    error: str  # the error class's name; empty if there was none
    report: dict[str, Any] | None
    wishes: dict[str, Any] | None  # the options of a redo; None: an ordinary photo
    added: float  # wall clock seconds
    changed: float  # wall clock seconds


class PhotoRow(NamedTuple):
    """The part of a photo that a list shows; small, since there may be many."""

    id: int
    path: bytes
    folder: bytes  # the watched root it came from
    state: State
    error: str  # the error class's name; empty if there was none
    reason: str
    report: dict[str, Any] | None
    has_copy: bool
    added: float  # wall clock seconds
    changed: float  # wall clock seconds


@dataclass(frozen=True)
class FinishedDuplicate:
    """A restored copy made earlier from the same bytes by the same recipe."""

    output: Path
    output_sha256: str
    report: dict[str, Any] | None


def seen_text(fingerprint: Fingerprint) -> str:
    """Return a fingerprint as the ledger stores it; inodes and times can exceed SQLite's integers."""
    return f"{fingerprint.inode} {fingerprint.size} {fingerprint.mtime_ns} {fingerprint.ctime_ns}"


def to_json(value: Mapping[str, Any] | None) -> str | None:
    """Return a report or options as the ledger stores them."""
    return None if value is None else json.dumps(value, separators=(",", ":"))


def to_path(value: bytes | None) -> Path | None:
    """Return a stored path, byte for byte as it was."""
    return None if value is None else Path(os.fsdecode(value))


def to_job(row: tuple[Any, ...]) -> Job:
    """Return the job in a row of `COLUMNS`. Raises ValueError or TypeError for a row of another program."""
    (number, path, folder, seen, turn, state, attempts, not_before, sha256, recipe, output, output_sha256,
     temporary, reason, error, report, wishes, added, changed) = row  # fmt: skip
    inode, size, mtime_ns, ctime_ns = (int(part) for part in seen.split(" "))
    return Job(
        id=number,
        path=Path(os.fsdecode(path)),
        folder=Path(os.fsdecode(folder)),
        fingerprint=Fingerprint(inode, size, mtime_ns, ctime_ns),
        turn=turn,
        state=cast("State", state),
        attempts=attempts,
        not_before=not_before,
        sha256=sha256,
        recipe=recipe,
        output=to_path(output),
        output_sha256=output_sha256,
        temporary=to_path(temporary),
        reason=reason,
        error=error,
        report=None if report is None else json.loads(report),
        wishes=None if wishes is None else json.loads(wishes),
        added=added,
        changed=changed,
    )


def to_photo_row(row: tuple[Any, ...]) -> PhotoRow:
    """Return the row in the columns of PhotoRow. Raises ValueError for a report that is not JSON."""
    number, path, folder, state, error, reason, report, has_copy, added, changed = row
    parsed = None if report is None else json.loads(report)
    return PhotoRow(number, path, folder, state, error, reason, parsed, bool(has_copy), added, changed)
