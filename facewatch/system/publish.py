"""Publishing: a finished file gets a final name that fits and never replaces another file."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from facewatch.system.atomic import (
    remove_file,
    retry_while_busy,
    sha256_of,
    sync_folder,
    translate_write_errors,
)

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
    """Give a temporary its final name by a hard link, or rename it where links are refused.

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
) -> Path:
    """Give a finished temporary the first free name of `numbered_names`, and return that name.

    announce  called with each name before it is tried
    adopt     called with the name of a file that has the same bytes; True takes that file as the copy, so
              that no second one is made

    Raises CannotWrite or DiskFull; the temporary still exists then.
    """
    for name in numbered_names(wanted):
        adopted = adopt is not None and _has_same_bytes(name, temporary) and adopt(name)
        if os.path.lexists(name) and not adopted:
            continue
        announce(name)
        with translate_write_errors(name):
            try:
                if not adopted:
                    link_or_rename(temporary, name)
            except FileExistsError:
                continue
            sync_folder(name.parent)
        remove_file(temporary)
        return name
    raise AssertionError("the names never end")


def _has_same_bytes(name: Path, temporary: Path) -> bool:
    """Return True if `name` is a file, not a link, with the bytes of `temporary`."""
    try:
        found = name.lstat()
        same_size = stat.S_ISREG(found.st_mode) and found.st_size == temporary.stat().st_size
        return same_size and sha256_of(name) == sha256_of(temporary)
    except OSError:
        return False  # it does not exist, or cannot be read
