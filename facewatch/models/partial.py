"""The `.part` file of an unfinished download, and a JSON file beside it with the origin of its bytes."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from facewatch.system.atomic import sync_file, translate_write_errors, write_atomically
from facewatch.system.opened import read_small

LARGEST_BYTES = 1_000_000  # of the JSON file


@dataclass(frozen=True)
class Origin:
    """The server's description of the file whose first bytes are in the `.part`."""

    source: str
    etag: str | None
    modified: str | None  # Last-Modified, as it was sent
    total: int | None  # bytes of the whole file

    @property
    def validator(self) -> str | None:
        """A value for `If-Range`: a strong ETag or a date (RFC 9110, 13.1.5)."""
        if self.etag is not None and not self.etag.startswith("W/"):
            return self.etag
        return self.modified


class Partial:
    """The first bytes of a file; every method may raise CannotWrite or DiskFull."""

    def __init__(self, final: Path) -> None:
        self.path = final.with_name(f"{final.name}.part")
        self._origin_file = final.with_name(f"{final.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes in the `.part`; 0 if it does not exist."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def origin(self) -> Origin | None:
        """Return the origin of the bytes; None if it is unknown."""
        try:
            return Origin(**json.loads(read_small(self._origin_file, LARGEST_BYTES)))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    @contextlib.contextmanager
    def appending(self, restart: Origin | None) -> Iterator[BinaryIO]:
        """Open for more bytes, unbuffered, so that a kill loses none; synced to the disk at the end.

        restart  discard the old bytes and record this origin; None: append to them
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | (os.O_TRUNC if restart else 0)
        with translate_write_errors(self.path):
            descriptor = os.open(self.path, flags, 0o600)  # private, whatever the umask
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            if restart is not None:
                write_atomically(self._origin_file, json.dumps(asdict(restart)).encode())
            yield file
            with translate_write_errors(self.path):
                sync_file(file.fileno())

    def write(self, file: BinaryIO, chunk: bytes) -> None:
        """Write all of `chunk`."""
        rest = memoryview(chunk)
        with translate_write_errors(self.path):
            while rest:
                rest = rest[file.write(rest) :]

    def discard(self) -> None:
        """Delete the bytes and their origin."""
        with translate_write_errors(self.path):
            self.path.unlink(missing_ok=True)
            self._origin_file.unlink(missing_ok=True)

    def publish(self, final: Path) -> None:
        """Give the finished bytes their final name."""
        with translate_write_errors(final):
            self.path.replace(final)
            self._origin_file.unlink(missing_ok=True)
