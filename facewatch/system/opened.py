"""Files by what was opened: in a folder that others may write, a name can be swapped between two steps.

Every file that is read, hashed, published or given permissions is opened once; all later steps use that
descriptor. A link, a pipe or a device is never taken for a file, waited for or changed.

Windows has none of these flags. There an open file cannot be renamed, replaced or deleted by others (Python
opens without FILE_SHARE_DELETE), so that its name holds for as long as it is open.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # a pipe would wait for its writer
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)
_OWN_DESCRIPTORS = "/proc/self/fd"
REPLACED_ATTEMPTS = 10  # to open a file that programs replace meanwhile


class NotRegular(OSError):
    """A link, a pipe, a device or a folder where a file should be."""

    def __init__(self, path: Path | str, reason: str = "it is not a regular file") -> None:
        super().__init__(errno.EINVAL, reason, os.fspath(path))


def open_regular(path: Path | str, *, follow: bool, folder: int | None = None) -> BinaryIO:
    """Open a regular file for reading; never waits for a pipe.

    follow  whether `path` may be a link: only where the user chose the name, never for a copy of ours; a link
            that another user made may lead only to files of that user
    folder  descriptor of the folder that a relative `path` lies in

    Raises NotRegular, OSError.
    """
    if not follow or sys.platform == "win32":
        return _open_once(path, follow=follow, folder=folder)
    for left in reversed(range(REPLACED_ATTEMPTS)):
        file = _open_once(path, follow=True, folder=folder)
        try:
            if _is_named(file, path, folder, same_owner_will_do=not left):
                return file
        except BaseException:
            file.close()
            raise
        file.close()
    raise NotRegular(path, "it is replaced again and again")


def _open_once(path: Path | str, *, follow: bool, folder: int | None) -> BinaryIO:
    try:
        descriptor = os.open(path, _READ | _AT_ONCE | (0 if follow else _NO_LINK), dir_fd=folder)
    except OSError as error:
        # ELOOP: a link; ENXIO: a socket, or a device without a driver
        if error.errno == errno.ENXIO or (error.errno == errno.ELOOP and not follow):
            raise NotRegular(path) from error
        raise
    try:
        if _is_file(descriptor, None if follow or _NO_LINK else path):
            return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    raise NotRegular(path)


def _is_file(descriptor: int, unlinked: Path | str | None) -> bool:
    """Return True for a regular file; `unlinked` is its path if that must not be a link (on Windows)."""
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and (unlinked is None or os.path.samestat(os.lstat(unlinked), found))


def read_small(path: Path, most_bytes: int) -> bytes:
    """Return the bytes of a regular file that is never large, such as settings or records.

    Raises NotRegular, and OSError also for a larger file, which is not read.
    """
    with open_regular(path, follow=True) as file:
        if os.fstat(file.fileno()).st_size > most_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {most_bytes / 1e6:.0f} MB", os.fspath(path))
        return file.read(most_bytes)


def _is_named(file: BinaryIO, path: Path | str, folder: int | None, *, same_owner_will_do: bool) -> bool:
    """Return True if the opened file still has its name; False if another one took it just now.

    same_owner_will_do  for disks that give a file another number each time

    Raises NotRegular for a link that another user laid to a file of a third one, as in a shared folder.
    """
    named, found = os.stat(path, dir_fd=folder, follow_symlinks=False), os.fstat(file.fileno())
    if not stat.S_ISLNK(named.st_mode):
        return os.path.samestat(named, found) or (same_owner_will_do and named.st_uid == found.st_uid)
    if sys.platform != "win32" and named.st_uid not in {os.geteuid(), found.st_uid, 0}:
        raise NotRegular(path, "it is a link that another user made")
    return True


def digest_opened(file: BinaryIO) -> str:
    """Return the SHA-256 of an opened file from its beginning, in hexadecimal; it is then at its end."""
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def sha256_of(path: Path | str, *, follow: bool = True) -> str:
    """Return the SHA-256 of a regular file's bytes, in hexadecimal.

    Raises NotRegular, OSError.
    """
    with open_regular(path, follow=follow) as file:
        return digest_opened(file)


@contextmanager
def open_folder(output: Path, folder: Path) -> Iterator[int | None]:
    """Provide the descriptor of `folder`, reached from `output` without following a link below it.

    None on Windows, where folders have no descriptors.

    Raises OSError.
    """
    if os.name != "posix":
        yield None
        return
    descriptor = os.open(output, os.O_RDONLY | _FOLDER)
    try:
        for part in folder.relative_to(output).parts:
            inner = os.open(part, os.O_RDONLY | _FOLDER | _NO_LINK, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def open_below(output: Path, file: Path) -> Iterator[BinaryIO]:
    """Provide a regular file in `output`, opened without following a link below it.

    Raises NotRegular, OSError.
    """
    with open_folder(output, file.parent) as folder:
        place = file if folder is None else file.name
        with open_regular(place, follow=False, folder=folder) as opened:
            yield opened


def set_permissions(file: BinaryIO, path: Path, mode: int) -> None:
    """Set the permissions of a file that is open, and lies at `path`.

    Raises OSError.
    """
    if sys.platform == "win32":
        path.chmod(mode)
    else:
        os.fchmod(file.fileno(), mode)


def set_times(file: BinaryIO, path: Path, atime_ns: int, mtime_ns: int) -> None:
    """Set the times of access and change of a file that is open, and lies at `path`.

    Raises OSError.
    """
    os.utime(file.fileno() if os.utime in os.supports_fd else path, ns=(atime_ns, mtime_ns))


def link_opened(file: BinaryIO, final: Path, folder: int | None) -> bool:
    """Give an opened file a second name; False where the system can link only by name.

    folder  descriptor of the folder of `final`

    Raises FileExistsError when the name is taken, OSError.
    """
    if folder is None or not os.path.isdir(_OWN_DESCRIPTORS):  # noqa: PTH112 - a constant of Linux
        return False
    # With a descriptor, os.link calls linkat with AT_SYMLINK_FOLLOW: it links what was opened.
    os.link(f"{_OWN_DESCRIPTORS}/{file.fileno()}", final.name, dst_dir_fd=folder, follow_symlinks=True)
    return True


def has_content(file: Path, sha256: str, output: Path) -> bool:
    """Return True if a file below `output` has these bytes; False if it is gone, or lies behind a link."""
    try:
        with open_below(output, file) as opened:
            return digest_opened(opened) == sha256
    except OSError:
        return False
