"""The index of a models folder: which files exist, where, and whether they are the right ones."""

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
from facewatch.system.disk_space import require_space

log = logging.getLogger(__name__)

SPARE_BYTES = 1 << 20  # stays free beside a new model file
State = Literal["present", "missing", "corrupt", "builtin"]


@dataclass(frozen=True)
class Check:
    """The result of checking one model's file."""

    name: str
    state: State
    path: Path | None = None  # where the file is, or would be; None for a model without a file
    sha256: str | None = None  # of the existing file
    size_bytes: int | None = None  # of the existing file
    published: str | None = None
    trusted: Trusted | None = None  # a digest accepted at first use, or because the user vouches for it


class ModelIndex:
    """The files of one models folder, and files linked elsewhere."""

    def __init__(self, folder: Path, rows: Sequence[Model], today: Callable[[], str]) -> None:
        self.folder = folder
        self._rows = {row.name: row for row in rows}
        self._records = Records(folder / RECORDS_NAME)
        self._today = today
        self._unwritten: dict[str, Entry] = {}  # changes to a folder that cannot be written

    def rows(self) -> tuple[Model, ...]:
        """Return the catalogue's rows, then those of the user's own files.

        Raises BadCheckpoint when the folder cannot be read.
        """
        return (*self._rows.values(), *self._own_rows().values())

    def row(self, name: str) -> Model:
        """Return one row.

        Raises WrongUse that names the nearest known model.
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
        """Return True if there is a row of this name."""
        return name in self._rows or name in self._own_rows()

    def is_own(self, name: str) -> bool:
        """Return True if the model is not in the catalogue."""
        return name not in self._rows

    def entry(self, name: str) -> Entry:
        """Return the record of a model's file."""
        return self._unwritten.get(name) or self._records.entry(name)

    def path(self, name: str) -> Path | None:
        """Return the path at which a model's file is, or would be; None for a model without one.

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

    def check(self, name: str, *, reread: bool = False) -> Check:
        """Check a model's file; its bytes are read only if its stamp has changed, or with `reread`.

        Raises BadCheckpoint when the file cannot be read, WrongUse for an unknown name.
        """
        path = self.path(name)
        if path is None:
            return Check(name, "builtin")
        entry, stamp, published = self.entry(name), stamp_of(path), self.published_sha256(name)
        if stamp is None:
            return Check(name, "missing", path, published=published, trusted=entry.trusted)
        if reread or entry.seen is None or entry.seen.stamp != stamp:
            digest, stamp = digest_of(path)
            trusted = entry.trusted
            if published is None and trusted is None:
                trusted = Trusted(digest, "first use", self._today())
            entry = self.update(name, seen=Seen(digest, stamp), trusted=trusted)
        assert entry.seen is not None
        trusted_digest = entry.trusted.sha256 if entry.trusted else None
        valid = entry.seen.sha256 in (published, trusted_digest)
        state: State = "present" if valid else "corrupt"
        return Check(name, state, path, entry.seen.sha256, stamp.size_bytes, published, entry.trusted)

    def published_sha256(self, name: str) -> str | None:
        """Return the SHA-256 that the catalogue has for a model's file."""
        row = self._rows.get(name)
        return row.checkpoint.sha256 if row is not None and row.checkpoint is not None else None

    def name_by_digest(self, sha256: str) -> str | None:
        """Return the model whose published file has this digest."""
        return next((name for name in self._rows if self.published_sha256(name) == sha256), None)

    def update(self, name: str, **fields: object) -> Entry:
        """Update a model's record; only in memory, with a warning, if the folder cannot be written."""
        try:
            entry = self._records.update(name, **fields)
        except CannotWrite as error:
            log.warning("the check of %s is remembered only until facewatch ends: %s", name, error)
            entry = self._unwritten[name] = replace(self.entry(name), **fields)  # type: ignore[arg-type]
            return entry
        self._unwritten.pop(name, None)
        return entry

    def record(self, name: str, **fields: object) -> None:
        """Update a model's record on disk.

        Raises CannotWrite or DiskFull.
        """
        self._records.update(name, **fields)
        self._unwritten.pop(name, None)

    def forget(self, name: str) -> None:
        """Remove the record of a model's file."""
        self._unwritten.pop(name, None)
        if self._records.entry(name) != Entry():
            self._records.remove(name)

    def _own_rows(self) -> dict[str, Model]:
        entries = self._records.entries()
        files = own_files(self.folder, tuple(self._rows.values()), entries)
        return {name: own_row(name, path, entries.get(name, Entry())) for name, path in files.items()}

    def _own_path(self, name: str) -> Path:
        files = own_files(self.folder, tuple(self._rows.values()), self._records.entries())
        if name not in files:
            self.row(name)  # raises WrongUse
        return files[name]


def require_checkpoint(row: Model) -> Checkpoint:
    """Return the file of a row.

    Raises WrongUse for a model that is part of the program.
    """
    if row.checkpoint is None:
        raise WrongUse(f"{row.name} is part of facewatch: it has no file of its own")
    return row.checkpoint


def lock_path(final: Path) -> Path:
    """Return the lock file that a writer of `final` holds."""
    return final.with_name(f".{final.name}.lock")


def require_model_space(folder: Path, need_bytes: int, name: str, free: Callable[[Path], int]) -> None:
    """Raise DiskFull unless `need_bytes` more of the model `name` fit into `folder`."""
    advice = "free some space, or choose another folder (models_folder, or FACEWATCH_MODELS)"
    require_space(folder, need_bytes, name=name, spare_bytes=SPARE_BYTES, advice=advice, free=free)
