"""A finished file gets its name, which fits and is never taken from another; what is not needed goes."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import logging
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

log = logging.getLogger(__name__)

Result = TypeVar("Result")

LONGEST = 255  # of one name in bytes, on Windows in UTF-16 units
FOR_A_NUMBER = len(" (99999)")
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.ENOTSUP}
_NO_EXCLUSIVE_RENAME = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_AT_FDCWD, _RENAME_NOREPLACE = -100, 1  # of Linux
_RENAME_EXCL = 4  # of macOS
_WINDOWS_BUSY = {5, 32, 33}  # access denied, sharing violation, lock violation: often a virus scanner


def fitting(stem: str, tail: str) -> str:
    """`stem` and `tail` as one name that is not too long for a file system.

    Where it would be, the stem is cut between two characters, and what was cut leaves a mark: long names that
    differ at their end only stay apart.
    """
    if _length(stem + tail) <= LONGEST:
        return stem + tail
    mark = "~" + hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    kept = stem
    while kept and _length(kept + mark + tail) > LONGEST - FOR_A_NUMBER:
        kept = kept[:-1]
    return kept + mark + tail


def _length(name: str) -> int:
    return len(name.encode("utf-16-le", "surrogatepass")) // 2 if os.name == "nt" else len(os.fsencode(name))


def names(wanted: Path) -> Iterator[Path]:
    """`wanted`, then the same with ` (2)` before its suffix, and so on without end."""
    yield wanted
    number = 2
    while True:
        yield wanted.with_name(fitting(wanted.stem, f" ({number}){wanted.suffix}"))
        number += 1


def link_or_rename(temporary: Path, final: Path) -> None:
    """Give a temporary a second, final name, or rename it where links are refused.

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
    """Rename where there are no hard links (exFAT, some shares), and replace nothing."""
    try:
        _rename_exclusively(temporary, final)
    except OSError as error:
        if error.errno not in _NO_EXCLUSIVE_RENAME:
            raise
        _claim_and_rename(temporary, final)


def _rename_exclusively(temporary: Path, final: Path) -> None:
    """Raises FileExistsError where the name is taken, OSError (`_NO_EXCLUSIVE_RENAME`) where there is no way.

    renameat2(2) of Linux, in glibc since 2.28, and renamex_np(2) of macOS.
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
    # An exclusive create claims the name first. After a kill in between, the next start removes it.
    os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        temporary.replace(final)
    except BaseException:
        if final.stat().st_size == 0:  # a share may have renamed it, and only have said that it has not
            remove(final)
        raise


def remove(temporary: Path) -> bool:
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
