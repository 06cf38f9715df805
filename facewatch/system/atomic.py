"""Atomic writes: a file is written completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import logging
import os
import secrets
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from facewatch.errors import (
    BadPhoto,
    CannotWrite,
    DiskFull,
    FacewatchError,
    TooLittleMemory,
    TooManyOpenFiles,
    Unreadable,
)
from facewatch.system.disk_space import NO_SPACE, no_space_for, preallocate, require_space
from facewatch.system.opened import CHUNK_BYTES, open_folder, set_permissions
from facewatch.system.processes import mark_of

log = logging.getLogger(__name__)

Result = TypeVar("Result")
TEMPORARY_PREFIX = ".facewatch-"
PRIVATE_FOLDER = 0o700  # the permissions of a new folder that only its owner can open
# Errors of file systems that cannot sync folders, such as vboxsf: nothing more can be done there.
NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF}
_WINDOWS_BUSY = {5, 32, 33}  # access denied, sharing violation, lock violation: often a virus scanner


@contextlib.contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """Translate an OSError from writing `path`, or from making it a folder, into one that says what to do.

    Raises DiskFull or CannotWrite, and TooManyOpenFiles or TooLittleMemory.
    """
    try:
        yield
    except FileExistsError as error:
        place = path if error.filename is None else error.filename
        raise CannotWrite(f"{place} is in the way: it is not a folder; move it elsewhere") from error
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskFull(no_space_for(path, error)) from error
        if (lack := lack_of_resources(error)) is not None:
            raise lack from error
        reason = error.strerror or str(error)
        raise CannotWrite(f"cannot write {path}: {reason}; check the folder and its permissions") from error


def lack_of_resources(error: OSError) -> FacewatchError | None:
    """Return the error for a system call that met a lack of file handles or memory; None for another one."""
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return TooManyOpenFiles(
            "too many files are open to open one more: close other programs, or raise the limit (`ulimit -n`)"
        )
    if error.errno == errno.ENOMEM:
        return TooLittleMemory("the machine has too little memory for this photo: close other programs")
    return None


def unreadable_photo(error: OSError) -> FacewatchError:
    """Return the error for a photo that cannot be read: only a lack of permission is permanent."""
    lack = lack_of_resources(error)
    if lack is not None:
        return lack
    if os.name == "posix" and error.errno in {errno.EACCES, errno.EPERM}:
        return BadPhoto(f"the photo cannot be read: {error.strerror}; check its permissions")
    return Unreadable(
        f"the photo cannot be read: {error.strerror or error}; check its disk or share, and whether another "
        "program holds it open"
    )


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner can open."""
    with translate_write_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        if os.name == "posix":
            path.chmod(PRIVATE_FOLDER)


def new_temporary(folder: Path, output: Path | None = None) -> tuple[int, Path]:
    """Open a new private file in `folder` for writing, and return its descriptor and path.

    output  the folder below which no link is followed to `folder`; None: `folder` itself

    Raises CannotWrite or DiskFull.
    """
    maker = "-".join(filter(None, (str(os.getpid()), mark_of(os.getpid()))))
    path = folder / f"{TEMPORARY_PREFIX}{maker}-{secrets.token_hex(8)}.tmp"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with translate_write_errors(path), open_folder(output or folder, folder) as opened:
        return os.open(path if opened is None else path.name, flags, 0o600, dir_fd=opened), path


def creator_of(temporary: Path) -> tuple[int, str]:
    """Return the process id that made a temporary and its `mark_of`, read from the name; else 0 and ""."""
    number, *mark, _ = [*temporary.name.removeprefix(TEMPORARY_PREFIX).split("-"), ""]
    return int(number) if number.isdecimal() else 0, mark[0] if len(mark) > 1 else ""


def write_temporary(folder: Path, data: bytes, mode: int | None = None, output: Path | None = None) -> Path:
    """Write `data` into a new temporary in `folder`, and sync it to the disk.

    mode    its permissions; None: only its owner may read it
    output  as in `new_temporary`

    Raises CannotWrite, or DiskFull, also if the disk would then be nearly full; nothing is left behind.
    """
    with translate_write_errors(folder):
        require_space(folder, len(data))
    return _temporary_with(folder, io.BytesIO(data), len(data), mode, output)[0]


def copy_to_temporary(original: BinaryIO, folder: Path, output: Path | None = None) -> tuple[Path, str]:
    """Copy an opened file, as long as it is now, into a new temporary in `folder`, and sync it to the disk.

    output   as in `new_temporary`
    returns  the temporary, and the SHA-256 of what was written into it

    Raises as `write_temporary`.
    """
    size = os.fstat(original.fileno()).st_size
    with translate_write_errors(folder):
        require_space(folder, size)
    return _temporary_with(folder, original, size, output=output)


def _temporary_with(
    folder: Path, data: BinaryIO, size_bytes: int, mode: int | None = None, output: Path | None = None
) -> tuple[Path, str]:
    descriptor, path = new_temporary(folder, output)
    digest, left = hashlib.sha256(), size_bytes
    try:
        with translate_write_errors(path), os.fdopen(descriptor, "wb") as file:
            preallocate(descriptor, size_bytes)
            while chunk := data.read(min(left, CHUNK_BYTES)):
                file.write(chunk)
                digest.update(chunk)
                left -= len(chunk)
            file.flush()
            file.truncate()  # a source that shrank meanwhile leaves preallocated space
            if mode is not None:
                set_permissions(file, path, mode)
            sync_file(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, digest.hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file of our own by `data` atomically, keeping its permissions; a new folder is private.

    Raises CannotWrite or DiskFull.
    """
    with translate_write_errors(path):
        path.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    target = Path(os.path.realpath(path))  # a config that links into the user's dotfiles stays a link
    with translate_write_errors(path):
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    temporary, _ = _temporary_with(target.parent, io.BytesIO(data), len(data), mode)
    try:
        with translate_write_errors(path):
            retry_while_busy(lambda: temporary.replace(target))  # on Windows a reader blocks it
            sync_folder(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_file(descriptor: int) -> None:
    """Flush a file's bytes to the disk."""
    if sys.platform == "darwin":
        import fcntl

        with contextlib.suppress(OSError):  # a file system without F_FULLFSYNC gets fsync
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk (Windows does so automatically)."""
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


def remove_file(temporary: Path) -> bool:
    """Remove a file of our own, and return True if it was removed.

    A failure is only logged: it must not stop any work, and the next start removes the file.
    """
    try:
        if os.name == "nt":  # Windows refuses to remove read-only files, such as copies of read-only photos
            temporary.chmod(stat.S_IREAD | stat.S_IWRITE)
        retry_while_busy(temporary.unlink)
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("%s is not needed any more and cannot be removed: %s", temporary, error.strerror or error)
        return False
    return True


def retry_while_busy(act: Callable[[], Result]) -> Result:
    """Return the result of `act`, retried for 2.5 s while another program holds the file on Windows.

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
