"""Publishing: a finished file gets a final name that fits and never replaces another file."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from facewatch.errors import CannotWrite
from facewatch.system.atomic import remove_file, retry_while_busy, sync_folder, translate_write_errors
from facewatch.system.opened import (
    digest_opened,
    link_opened,
    open_folder,
    open_regular,
    set_permissions,
    set_times,
    sha256_of,
)

log = logging.getLogger(__name__)

MAX_NAME_LENGTH = 255  # bytes; on Windows UTF-16 units
NUMBER_LENGTH = len(" (99999)")
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.ENOTSUP}
_NO_EXCLUSIVE_RENAME = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_AT_FDCWD, _RENAME_NOREPLACE = -100, 1  # of Linux
_RENAME_EXCL = 4  # of macOS


def fit_name(stem: str, tail: str) -> str:
    """Join `stem` and `tail` to a name that is not too long for a file system.

    A stem that is too long is cut between two characters and gets a hash, so that long names that differ only
    at their end stay different.
    """
    if _length(stem + tail) <= MAX_NAME_LENGTH:
        return stem + tail
    mark = "~" + hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    kept = stem
    while kept and _length(kept + mark + tail) > MAX_NAME_LENGTH - NUMBER_LENGTH:
        kept = kept[:-1]
    return kept + mark + tail


def _length(name: str) -> int:
    return len(name.encode("utf-16-le", "surrogatepass")) // 2 if os.name == "nt" else len(os.fsencode(name))


def numbered_names(wanted: Path) -> Iterator[Path]:
    """Yield `wanted`, then the same with ` (2)` before its suffix, and so on without end."""
    yield wanted
    number = 2
    while True:
        yield wanted.with_name(fit_name(wanted.stem, f" ({number}){wanted.suffix}"))
        number += 1


def link_or_rename(temporary: Path, final: Path) -> None:
    """Give a temporary its final name by a hard link, or rename it where links are refused; all by name.

    Raises FileExistsError when the name is taken, OSError.
    """
    if os.name == "nt":
        retry_while_busy(lambda: temporary.rename(final))  # on Windows a rename never replaces
        return
    try:
        os.link(temporary, final, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename(temporary, final)


def _rename(temporary: Path, final: Path) -> None:
    """Rename without replacing, for file systems without hard links (exFAT, some shares)."""
    try:
        _rename_exclusively(temporary, final)
    except OSError as error:
        if error.errno not in _NO_EXCLUSIVE_RENAME:
            raise
        _claim_and_rename(temporary, final)


def _rename_exclusively(temporary: Path, final: Path) -> None:
    """Rename atomically without replacing: renameat2(2) of Linux (glibc 2.28), renamex_np(2) of macOS.

    Raises FileExistsError when the name is taken, OSError (`_NO_EXCLUSIVE_RENAME`) when it is not supported.
    """
    library = ctypes.CDLL(None, use_errno=True)
    old, new = os.fsencode(temporary), os.fsencode(final)
    try:
        if sys.platform == "darwin":
            failed = library.renamex_np(old, new, _RENAME_EXCL)
        else:
            failed = library.renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_NOREPLACE)
    except AttributeError:  # a C library without it
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(final))


def _claim_and_rename(temporary: Path, final: Path) -> None:
    # An exclusive create claims the name first; if facewatch is killed then, its next start removes the file.
    os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        temporary.replace(final)
    except BaseException:
        if final.stat().st_size == 0:  # a share may have renamed it and still reported an error
            remove_file(final)
        raise


def publish(
    temporary: Path,
    wanted: Path,
    announce: Callable[[Path], None],
    adopt: Callable[[Path], bool] | None = None,
    *,
    sha256: str,
    original: os.stat_result | None = None,
    output: Path | None = None,
) -> Path:
    """Give a finished temporary the first free name of `numbered_names`, and return that name.

    announce  called with each name before it is tried
    adopt     called with the name of a file that has the same bytes; True takes that file as the copy, so
              that no second one is made
    sha256    of what was written into the temporary: a file that others put in its place is refused
    original  gives the copy its permissions and times
    output    the folder below which no link is followed to `wanted`; None: its own folder

    Raises CannotWrite or DiskFull; the temporary still exists then.
    """
    with ExitStack() as stack:
        with translate_write_errors(wanted):
            folder = stack.enter_context(open_folder(output or wanted.parent, wanted.parent))
            file = stack.enter_context(open_temporary(temporary, sha256, folder))
        if original is not None:
            copy_attributes(file, temporary, original)
        for name in numbered_names(wanted):
            adopted = adopt is not None and _has_digest(name, sha256, folder) and adopt(name)
            if os.path.lexists(name) and not adopted:
                continue
            announce(name)
            with translate_write_errors(name):
                try:
                    if not adopted:
                        give_name(file, temporary, name, folder, sha256)
                except FileExistsError:
                    continue
                sync_folder(name.parent)
            break
    remove_file(temporary)
    return name


def open_temporary(temporary: Path, sha256: str, folder: int | None) -> BinaryIO:
    """Open a finished temporary by what was written into it.

    folder  descriptor of the folder that it lies in; None: it is reached by its path

    Raises CannotWrite for a file that others put in its place, OSError.
    """
    place = temporary if folder is None else temporary.name
    file = open_regular(place, follow=False, folder=folder)
    if digest_opened(file) != sha256:
        file.close()
        raise _replaced(temporary)
    return file


def _replaced(path: Path) -> CannotWrite:
    return CannotWrite(
        f"another program has put another file in the place of {path}; check who may write in its folder"
    )


def give_name(file: BinaryIO, temporary: Path, final: Path, folder: int | None, sha256: str) -> None:
    """Link what was opened; where the system can only go by the name, check afterwards what got it.

    folder  descriptor of the folder of `final`
    sha256  of what was written into the file

    Raises FileExistsError when the name is taken, CannotWrite, OSError.
    """
    try:
        if link_opened(file, final, folder):
            return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    if os.name == "nt":
        file.close()  # an open file cannot be renamed there
    link_or_rename(temporary, final)
    if sha256_of(final, follow=False) != sha256:
        raise _replaced(final)


def copy_attributes(file: BinaryIO, path: Path, original: os.stat_result) -> None:
    """Give an opened copy the permissions and times of its original, as far as its disk supports them.

    path  of the copy

    Raises CannotWrite or DiskFull.
    """
    steps: tuple[Callable[[], object], ...] = (
        lambda: set_permissions(file, path, original.st_mode & 0o777),
        lambda: set_times(file, path, original.st_atime_ns, original.st_mtime_ns),
    )
    for step in steps:
        with translate_write_errors(path):
            try:
                step()
            except OSError as error:  # vfat with a umask, or a share in gvfs, supports neither
                if error.errno not in {errno.EPERM, errno.ENOTSUP}:
                    raise
                log.debug("%s does not get all attributes of its original: %s", path, error)


def _has_digest(name: Path, sha256: str, folder: int | None) -> bool:
    """Return True if `name` is a file, not a link or a pipe, with these bytes."""
    try:
        with open_regular(name if folder is None else name.name, follow=False, folder=folder) as file:
            return digest_opened(file) == sha256
    except OSError:
        return False  # it does not exist, or cannot be read
