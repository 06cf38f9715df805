"""Where things live, and writes that are whole or not there at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import logging
import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from facewatch.errors import BadPhoto, CannotWrite, DiskFull, Unreadable
from facewatch.system.disk_space import NO_SPACE, preallocate, require_space
from facewatch.system.processes import mark_of

log = logging.getLogger(__name__)

TEMPORARY_PREFIX = ".facewatch-"
# What a file system says whose folders cannot be synced, such as vboxsf: no more can be done there.
NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF}


Result = TypeVar("Result")
_WINDOWS_BUSY = {5, 32, 33}  # access denied, sharing violation, lock violation: often a virus scanner


@contextlib.contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path`, or to make it a folder, into an error that says what to do.

    Raises DiskFull or CannotWrite.
    """
    try:
        yield
    except FileExistsError as error:
        place = path if error.filename is None else error.filename
        raise CannotWrite(f"{place} is in the way: it is no folder; move it elsewhere") from error
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskFull(
                f"no space left for {path}: free some space; the work goes on by itself"
            ) from error
        reason = error.strerror or str(error)
        raise CannotWrite(f"cannot write {path}: {reason}; check the folder and its permissions") from error


def unreadable_photo(error: OSError) -> BadPhoto:
    """What the system's refusal to read a photo means: permissions stay as they are, all else may pass."""
    if os.name == "posix" and error.errno in {errno.EACCES, errno.EPERM}:
        return BadPhoto(f"the photo cannot be read: {error.strerror}; check its permissions")
    return Unreadable(
        f"the photo cannot be read: {error.strerror or error}; check its disk or share, and whether another "
        "program holds it open"
    )


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter."""
    with translate_write_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        if os.name == "posix":
            path.chmod(0o700)


def new_temporary(folder: Path) -> tuple[int, Path]:
    """Open a new private file in `folder` for writing: the descriptor and its path.

    Raises CannotWrite or DiskFull.
    """
    maker = "-".join(filter(None, (str(os.getpid()), mark_of(os.getpid()))))
    path = folder / f"{TEMPORARY_PREFIX}{maker}-{secrets.token_hex(8)}.tmp"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with translate_write_errors(path):
        return os.open(path, flags, 0o600), path


def creator_of(temporary: Path) -> tuple[int, str]:
    """Return the process id that made a temporary and its `mark_of`, read from the name; else 0 and ""."""
    number, *mark, _ = [*temporary.name.removeprefix(TEMPORARY_PREFIX).split("-"), ""]
    return int(number) if number.isdecimal() else 0, mark[0] if len(mark) > 1 else ""


def write_temporary(folder: Path, data: bytes) -> Path:
    """Write `data` into a new temporary in `folder`, on the disk before this returns.

    Raises CannotWrite, or DiskFull, also where the disk would be nearly full; nothing is left behind then.
    """
    with translate_write_errors(folder):
        require_space(folder, len(data))
    return _temporary_with(folder, io.BytesIO(data), len(data))


def copy_to_temporary(source: Path, folder: Path) -> Path:
    """Copy a file's bytes into a new temporary in `folder`, on the disk before this returns.

    Raises OSError when `source` cannot be opened, and as `write_temporary`.
    """
    with source.open("rb") as original:
        size = os.fstat(original.fileno()).st_size
        with translate_write_errors(folder):
            require_space(folder, size)
        return _temporary_with(folder, original, size)


def _temporary_with(folder: Path, data: BinaryIO, size_bytes: int) -> Path:
    descriptor, path = new_temporary(folder)
    try:
        with translate_write_errors(path), os.fdopen(descriptor, "wb") as file:
            preallocate(descriptor, size_bytes)
            shutil.copyfileobj(data, file, 1 << 20)
            file.flush()
            file.truncate()  # to what was there to copy, if that was less
            sync_file(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file of our own by `data`, whole or not at all; its permissions stay.

    Raises CannotWrite or DiskFull.
    """
    with translate_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    target = Path(os.path.realpath(path))  # a config that is a link into somebody's dotfiles stays one
    temporary = _temporary_with(target.parent, io.BytesIO(data), len(data))
    try:
        with translate_write_errors(path):
            if target.exists():
                shutil.copymode(target, temporary)
            retry_while_busy(lambda: temporary.replace(target))  # who reads it holds it, on Windows
            sync_folder(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_file(descriptor: int) -> None:
    """Bring a file's bytes onto the disk."""
    if sys.platform == "darwin":
        import fcntl

        with contextlib.suppress(OSError):  # file systems without F_FULLFSYNC have fsync
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries onto the disk (Windows does it by itself)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        if sys.version_info >= (3, 11):
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        return digest.hexdigest()


def remove_file(temporary: Path) -> bool:
    """Remove a file of our own; False where it was gone already, or cannot be removed: the log says why.

    No work may end because of one: what is left lying is removed when facewatch starts again.
    """
    try:
        if os.name == "nt":  # removes nothing that is read-only, as the copy of a read-only photo is
            temporary.chmod(stat.S_IREAD | stat.S_IWRITE)
        retry_while_busy(temporary.unlink)
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("%s is not needed any more and cannot be removed: %s", temporary, error.strerror or error)
        return False
    return True


def retry_while_busy(act: Callable[[], Result]) -> Result:
    """What `act` returns; while another program holds the file on Windows, it is tried for 2.5 s.

    Raises OSError.
    """
    for _ in range(10):
        try:
            return act()
        except OSError as error:
            if getattr(error, "winerror", None) not in _WINDOWS_BUSY:
                raise
        time.sleep(0.25)
    return act()
