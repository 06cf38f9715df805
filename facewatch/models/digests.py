"""What a file holds, and how to tell cheaply that it still holds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facewatch.errors import BadCheckpoint
from facewatch.system.atomic import sha256_of


@dataclass(frozen=True)
class Stamp:
    """A file that has kept its stamp has kept its bytes."""

    size_bytes: int
    mtime_ns: int
    inode: int


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file; None when there is no file.

    Raises BadCheckpoint when it is no plain file or cannot be looked at.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be looked at: {error.strerror}; check its permissions") from error
    if not path.is_file():
        raise BadCheckpoint(f"{path} is not a file; move it away")
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


def digest_of(path: Path) -> tuple[str, Stamp]:
    """The SHA-256 of a file, in hexadecimal, and the stamp it had meanwhile.

    Raises BadCheckpoint when the file is not there, cannot be read, or changes while it is read.
    """
    before = stamp_of(path)
    if before is None:
        raise BadCheckpoint(f"{path} is not there")
    try:
        digest = sha256_of(path)
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if stamp_of(path) != before:
        raise BadCheckpoint(f"{path} changes while it is read: it may still be on its way; try again later")
    return digest, before


def size_in_words(size_bytes: float) -> str:
    """A size as people read it: "348.6 MB"."""
    for unit, divisor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= divisor:
            return f"{size_bytes / divisor:.1f} {unit}"
    return f"{size_bytes:.0f} bytes"
