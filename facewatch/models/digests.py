"""Digests of model files, and stamps that show cheaply that a file has not changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facewatch.errors import BadCheckpoint
from facewatch.system.opened import sha256_of


@dataclass(frozen=True)
class Stamp:
    """The metadata of a file that stays the same while its bytes do."""

    size_bytes: int
    mtime_ns: int
    inode: int


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of a file; None if it does not exist.

    Raises BadCheckpoint when it is not a regular file or its metadata cannot be read.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if not path.is_file():
        raise BadCheckpoint(f"{path} is not a file; move it away")
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


def digest_of(path: Path) -> tuple[str, Stamp]:
    """Return the SHA-256 of a file, in hexadecimal, and the file's stamp while it was read.

    Raises BadCheckpoint when the file does not exist, cannot be read, or changes while it is read.
    """
    before = stamp_of(path)
    if before is None:
        raise BadCheckpoint(f"{path} does not exist")
    try:
        digest = sha256_of(path)
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if stamp_of(path) != before:
        raise BadCheckpoint(f"{path} changed while it was read: it may still be copied; try again later")
    return digest, before
