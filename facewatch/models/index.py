"""Which files are here, where, and whether they are what they should be."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from facewatch.errors import CannotWrite, WrongUse
from facewatch.models.catalogue import Checkpoint, Model
from facewatch.models.digests import digest_of, stamp_of
from facewatch.models.own import RECORDS_NAME, own_files, own_row
from facewatch.models.records import Entry, Records, Seen, Trusted

log = logging.getLogger(__name__)

State = Literal["present", "missing", "corrupt", "builtin"]


@dataclass(frozen=True)
class Check:
    """What a look at one model's file has shown."""

    name: str
    state: State
    path: Path | None = None  # where the file is, or would be; None for a model without a file
    sha256: str | None = None  # of the file that is here
    size_bytes: int | None = None  # of the file that is here
    published: str | None = None
    trusted: Trusted | None = None  # a digest accepted at first sight, or on the user's word


class ModelIndex:
    """The files of one models folder, and the links out of it."""

    def __init__(self, folder: Path, rows: Sequence[Model], today: Callable[[], str]) -> None:
        self.folder = folder
        self._rows = {row.name: row for row in rows}
        self._records = Records(folder / RECORDS_NAME)
        self._today = today
        self._unwritten: dict[str, Entry] = {}  # a folder that cannot be written is remembered here

    def rows(self) -> tuple[Model, ...]:
        """The catalogue, then the user's own files.

        Raises BadCheckpoint when the folder cannot be read.
        """
        return (*self._rows.values(), *self._own_rows().values())

    def row(self, name: str) -> Model:
        """One row.

        Raises WrongUse that names the nearest known one.
        """
        known = self._rows.get(name)
        if known is not None:
            return known
        own = self._own_rows()
        if name in own:
            return own[name]
        names = (*self._rows, *own)
        near = difflib.get_close_matches(name, names, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(names)}"
        raise WrongUse(f'there is no model "{name}"; {hint}')

    def knows(self, name: str) -> bool:
        """Whether there is a row of this name."""
        return name in self._rows or name in self._own_rows()

    def is_own(self, name: str) -> bool:
        """Whether the file is the user's own, of no catalogue."""
        return name not in self._rows

    def entry(self, name: str) -> Entry:
        """What is on record about a model's file."""
        return self._unwritten.get(name) or self._records.of(name)

    def path(self, name: str) -> Path | None:
        """Where a model's file is, or would be; None for a model without one.

        Raises WrongUse for an unknown name.
        """
        row = self._rows.get(name)
        if row is not None and row.checkpoint is None:
            return None
        link = self.entry(name).link
        if link is not None:
            return Path(link)
        if row is not None and row.checkpoint is not None:
            return self.folder / row.checkpoint.file_name
        return self._own_path(name)

    def check(self, name: str, *, anew: bool = False) -> Check:
        """Look at a model's file; its bytes are read only when its stamp is new, or `anew` asks for it.

        Raises BadCheckpoint when the file cannot be read, WrongUse for an unknown name.
        """
        path = self.path(name)
        if path is None:
            return Check(name, "builtin")
        entry, stamp, published = self.entry(name), stamp_of(path), self.published(name)
        if stamp is None:
            return Check(name, "missing", path, published=published, trusted=entry.trusted)
        if anew or entry.seen is None or entry.seen.stamp != stamp:
            digest, stamp = digest_of(path)
            trusted = entry.trusted
            if published is None and trusted is None:
                trusted = Trusted(digest, "first use", self._today())
            entry = self.change(name, seen=Seen(digest, stamp), trusted=trusted)
        assert entry.seen is not None
        trusted_digest = entry.trusted.sha256 if entry.trusted else None
        right = entry.seen.sha256 in (published, trusted_digest)
        state: State = "present" if right else "corrupt"
        return Check(name, state, path, entry.seen.sha256, stamp.size_bytes, published, entry.trusted)

    def published(self, name: str) -> str | None:
        """The SHA-256 the catalogue has for a model's file."""
        row = self._rows.get(name)
        return row.checkpoint.sha256 if row is not None and row.checkpoint is not None else None

    def named_by_digest(self, sha256: str) -> str | None:
        """The model whose published file has this digest."""
        return next((name for name in self._rows if self.published(name) == sha256), None)

    def change(self, name: str, **fields: object) -> Entry:
        """Put something on record; in memory only, and said so, where the folder cannot be written."""
        try:
            entry = self._records.change(name, **fields)
        except CannotWrite as error:
            log.warning("what was found out about %s is forgotten at the end of this run: %s", name, error)
            entry = self._unwritten[name] = replace(self.entry(name), **fields)  # type: ignore[arg-type]
            return entry
        self._unwritten.pop(name, None)
        return entry

    def record(self, name: str, **fields: object) -> None:
        """Put on record what must not be forgotten.

        Raises CannotWrite or DiskFull.
        """
        self._records.change(name, **fields)
        self._unwritten.pop(name, None)

    def forget(self, name: str) -> None:
        """Drop all that is on record about a model's file."""
        self._unwritten.pop(name, None)
        if self._records.of(name) != Entry():
            self._records.forget(name)

    def _own_rows(self) -> dict[str, Model]:
        entries = self._records.all()
        files = own_files(self.folder, tuple(self._rows.values()), entries)
        return {name: own_row(name, path, entries.get(name, Entry())) for name, path in files.items()}

    def _own_path(self, name: str) -> Path:
        files = own_files(self.folder, tuple(self._rows.values()), self._records.all())
        if name not in files:
            self.row(name)  # says what is near
        return files[name]


def catalogued(row: Model) -> Checkpoint:
    """The file of a row.

    Raises WrongUse for a model that is part of the program.
    """
    if row.checkpoint is None:
        raise WrongUse(f"{row.name} is part of facewatch: it has no file of its own")
    return row.checkpoint
