"""A finished file gets its name, which is never taken from another; what is not needed is removed."""

from __future__ import annotations

import errno
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

log = logging.getLogger(__name__)

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.ENOTSUP}
_WINDOWS_BUSY = {5, 32, 33}  # access denied, sharing violation, lock violation: often a virus scanner


def names(wanted: Path) -> Iterator[Path]:
    """`wanted`, then the same with ` (2)` before its suffix, and so on without end."""
    yield wanted
    number = 2
    while True:
        yield wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
        number += 1


def link_or_rename(temporary: Path, final: Path) -> None:
    """Give a temporary a second, final name, or rename it where links are refused.

    Raises FileExistsError when the name is taken, OSError.
    """
    if os.name == "nt":
        _retry_while_busy(lambda: temporary.rename(final))  # on Windows a rename never replaces
        return
    try:
        os.link(temporary, final, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _claim_and_rename(temporary, final)


def _claim_and_rename(temporary: Path, final: Path) -> None:
    # File systems without hard links (exFAT, some shares): an exclusive create claims the name first.
    os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    temporary.replace(final)


def remove(temporary: Path) -> bool:
    """Remove a file of our own; False where it was gone already, or cannot be removed: the log says why.

    No work may end because of one: what is left lying is removed when facewatch starts again.
    """
    try:
        if os.name == "nt":  # removes nothing that is read-only, as the copy of a read-only photo is
            temporary.chmod(stat.S_IREAD | stat.S_IWRITE)
        _retry_while_busy(temporary.unlink)
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("%s is not needed any more and cannot be removed: %s", temporary, error.strerror or error)
        return False
    return True


def _retry_while_busy(act: Callable[[], object]) -> None:
    for attempt in range(10):
        try:
            act()
        except OSError as error:
            if getattr(error, "winerror", None) not in _WINDOWS_BUSY or attempt == 9:
                raise
            time.sleep(0.25)
        else:
            return
