"""The `.part` of a file under way, and beside it a note on where it came from."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from facewatch.system.atomic import sync_file, translate_write_errors, write_atomically


@dataclass(frozen=True)
class Note:
    """What the server said about the file whose first bytes are in the `.part`."""

    source: str
    etag: str | None
    modified: str | None  # Last-Modified, as it was sent
    total: int | None  # bytes of the whole file

    @property
    def validator(self) -> str | None:
        """What `If-Range` may carry: a strong ETag or a date (RFC 9110, 13.1.5)."""
        if self.etag is not None and not self.etag.startswith("W/"):
            return self.etag
        return self.modified


class Partial:
    """The first bytes of a file; every method may raise CannotWrite or DiskFull."""

    def __init__(self, final: Path) -> None:
        self.path = final.with_name(f"{final.name}.part")
        self._note = final.with_name(f"{final.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def note(self) -> Note | None:
        """The note; None when there is none that can be read, and the bytes are of unknown origin."""
        try:
            return Note(**json.loads(self._note.read_text("utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    @contextlib.contextmanager
    def appending(self, fresh: Note | None) -> Iterator[BinaryIO]:
        """Open for more bytes, unbuffered, so that a kill loses none; on the disk when this ends.

        fresh  start over from nothing with this note; None: go on where the bytes end
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | (os.O_TRUNC if fresh else 0)
        with translate_write_errors(self.path):
            descriptor = os.open(self.path, flags, 0o644)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            if fresh is not None:
                write_atomically(self._note, json.dumps(asdict(fresh)).encode())
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
        """Delete the bytes and the note."""
        with translate_write_errors(self.path):
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    def become(self, final: Path) -> None:
        """Give the finished bytes their final name."""
        with translate_write_errors(final):
            self.path.replace(final)
            self._note.unlink(missing_ok=True)
