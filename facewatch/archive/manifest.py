"""Manifest of an archive: one row a photo, in whole Parquet parts beside the copies."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import get_type_hints

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from facewatch.archive.local_store import LocalStore
from facewatch.archive.store import Store
from facewatch.archive.types import OWN_FOLDER, Listed, Row, text_of
from facewatch.errors import FacewatchError, StoreUnavailable
from facewatch.state.outcomes import UNSUCCESSFUL
from facewatch.system.atomic import copy_to_temporary, translate_write_errors

FOLDER = f"{OWN_FOLDER}/manifest"
RUN_TIME = "%Y%m%dT%H%M%S"
PART_ROWS = 5000
PART_SECONDS = (10.0, 300.0)  # between two parts, growing with the run so that a long one has few parts
PART_SHARE = 0.005  # of the time that the run has taken
_KINDS = {str: pa.string(), int: pa.int64(), float: pa.float64(), float | None: pa.float64()}
SCHEMA = pa.schema([(each.name, _KINDS[get_type_hints(Row)[each.name]]) for each in fields(Row)])
Keys = npt.NDArray[np.uint64]


class Manifest:
    """The parts in one destination. One run writes its own parts; it never changes those of others."""

    def __init__(self, destination: Store, run: str) -> None:
        """Take the destination and the name of the run, which begins with its time."""
        self._store = destination
        self._run = run
        self._rows: list[Row] = []
        self._part = 0
        self._began = self._written = time.monotonic()

    def add(self, row: Row) -> None:
        """Add a row to the next part."""
        self._rows.append(row)

    @property
    def waiting(self) -> bool:
        """True while rows are not written yet."""
        return bool(self._rows)

    @property
    def due(self) -> bool:
        """True when the next part should be written.

        A driver that is killed loses the rows since the last one; their photos are restored once more then,
        and their copies found.
        """
        least, most = PART_SECONDS
        wait = min(most, max(least, PART_SHARE * (self._written - self._began)))
        waited = time.monotonic() - self._written > wait
        return bool(self._rows) and (waited or len(self._rows) >= PART_ROWS)

    def flush(self) -> None:
        """Write the rows added since the last part as one part, whole or not at all.

        Raises CannotWrite, DiskFull or StoreUnavailable; the rows are kept for the next call then.
        """
        if not self._rows:
            return
        columns = {name: [getattr(row, name) for row in self._rows] for name in SCHEMA.names}
        table = pa.table(columns, schema=SCHEMA)
        written = False
        while not written:  # a store may have taken a part and still have reported an error
            name = f"{FOLDER}/{self._run}-{self._part:06d}.parquet"
            written = write_new(
                self._store,
                name,
                lambda path: pq.write_table(table, path, compression="zstd", write_page_checksum=True),
            )
            self._part += 1
        self._rows.clear()
        self._written = time.monotonic()

    def parts(self) -> list[str]:
        """Return the names of all parts, the oldest first."""
        return sorted(name for name in self._store.files(FOLDER) if name.endswith(".parquet"))

    def time_of_next_run(self) -> datetime:
        """Return the time to name a new run after: now, or later, so that its rows are the last ones."""
        now = datetime.now(timezone.utc)
        for name in reversed(self.parts()):
            with suppress(ValueError, OverflowError):  # a part that something else wrote
                last = datetime.strptime(name.rpartition("/")[2][:15], RUN_TIME).replace(tzinfo=timezone.utc)
                return max(now, last + timedelta(seconds=1))
        return now

    def tables(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """Yield the parts, the oldest first.

        Raises FacewatchError for a part that is damaged, StoreUnavailable for one that cannot be read now.
        """
        for name in self.parts():
            try:
                with self._store.open(name, own=True) as file:
                    data = file.read()
            except OSError as error:
                raise StoreUnavailable(f"{name} in {self._store.shown} cannot be read: {error}") from error
            try:
                yield _table_of(data, columns)
            except (pa.ArrowException, OSError, ValueError) as error:
                reason = str(error).partition("\n")[0]
                raise FacewatchError(
                    f"the part {name} of the manifest in {self._store.shown} is damaged, or no part of ours: "
                    f"{reason}; move it away, and its photos are restored or found again"
                ) from error

    def done(self, key: str, *, retry_failed: bool = False) -> DoneIndex:
        """Return which photos are done by the recipe of this key.

        retry_failed  those that failed are not
        """
        found: list[Keys] = [np.empty(0, np.uint64)]
        for table in self.tables(["source", "version", "recipe", "outcome"]):
            rows = table.to_pylist()
            found.append(
                np.fromiter(
                    (
                        hash_of(row["source"], row["version"])
                        for row in rows
                        if row["recipe"] == key and not (retry_failed and row["outcome"] in UNSUCCESSFUL)
                    ),
                    np.uint64,
                )
            )
        return DoneIndex(np.unique(np.concatenate(found)))


class DoneIndex:
    """The photos that are done: 8 bytes each.

    Two of a million photos share their 8 bytes once in 37 million archives; `--verify` would name the one
    that was left out.
    """

    def __init__(self, keys: Keys) -> None:
        """Take the sorted hashes."""
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, photo: Listed) -> bool:
        wanted = np.uint64(hash_of(text_of(photo.name), photo.version))
        at = int(np.searchsorted(self._keys, wanted))
        return at < len(self._keys) and bool(self._keys[at] == wanted)


def _table_of(data: bytes, columns: list[str] | None) -> pa.Table:
    """Return a part; raises ArrowException, OSError or ValueError if it is not one."""
    wanted = columns or SCHEMA.names
    table = pq.read_table(pa.BufferReader(data), columns=wanted, page_checksum_verification=True)
    for name in wanted:
        column = table[name]
        if column.type != SCHEMA.field(name).type or (column.null_count and name != "similarity"):
            raise ValueError(f"its column {name} has other values")
    return table


def hash_of(*texts: str) -> int:
    """Return 8 bytes that stand for texts, as a number."""
    digest = hashlib.blake2b("\0".join(texts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def write_new(store: Store, name: str, write: Callable[[Path], object]) -> bool:
    """Write a file of our own under a new name of a store, whole or not at all; False if the name is taken.

    write  takes the path of a temporary on this machine

    Raises CannotWrite, DiskFull or StoreUnavailable.
    """
    with tempfile.TemporaryDirectory(
        prefix="facewatch-"
    ) as scratch:  # private: others cannot swap files in it
        written = Path(scratch, "new")
        with translate_write_errors(written):
            write(written)
        with written.open("rb") as file:
            folder = store.work_folder("driver") if isinstance(store, LocalStore) else written.parent
            temporary, sha256 = copy_to_temporary(file, folder)
        try:
            return store.put_new(temporary, name, sha256)
        finally:
            temporary.unlink(missing_ok=True)
