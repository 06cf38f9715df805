"""Free space on a disk, checked and reserved before a file is written, and sizes in words."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from facewatch.errors import DiskFull
from facewatch.system.paths import nearest_existing

SPARE_SHARE = 0.01  # of the whole disk, left free for the ledger and for other programs
NO_SPACE = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
RESUMES = "work resumes automatically"
FREE_SPACE = f"free some space; {RESUMES}"


def free_bytes(folder: Path) -> int:
    """Return how many bytes can still be written to `folder`.

    Raises OSError.
    """
    return shutil.disk_usage(folder).free


def require_space(
    folder: Path,
    need_bytes: int,
    *,
    name: str = "the copy",
    spare_bytes: int | None = None,
    advice: str = FREE_SPACE,
    free: Callable[[Path], int] = free_bytes,
) -> None:
    """Raise DiskFull unless `need_bytes` more fit into `folder`.

    name         of what needs the space, for the error
    spare_bytes  must stay free after that; None: SPARE_SHARE of the disk
    advice       ends the error

    Raises OSError when the folder's disk cannot be queried.
    """
    total = shutil.disk_usage(folder).total
    if total == 0:  # some network file systems report no sizes: free is 0 too
        return
    spare = total * SPARE_SHARE if spare_bytes is None else spare_bytes
    available = free(folder)
    if available - need_bytes < spare:
        raise DiskFull(
            f"{name} needs {format_size(need_bytes)} in {folder}, where {format_size(available)} are free "
            f"and {format_size(spare)} must stay free: {advice}"
        )


def format_size(size_bytes: float) -> str:
    """Return a size in decimal units, as file managers show it: "348.6 MB"."""
    for unit, divisor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= divisor:
            return f"{size_bytes / divisor:.1f} {unit}"
    return f"{size_bytes:.0f} bytes"


def no_space_for(path: Path, error: OSError) -> str:
    """Return in words what a write to `path` lacked that met one of NO_SPACE: space, inodes or quota."""
    if error.errno == getattr(errno, "EDQUOT", None):
        return f"your quota on the disk of {path} is used up: {FREE_SPACE}"
    if _holds_no_more_files(path):
        return f"no more files fit on the disk of {path}, however small: delete some; {RESUMES}"
    return f"no space left for {path}: {FREE_SPACE}"


def _holds_no_more_files(path: Path) -> bool:
    """Return True if the disk has used up its numbers of files (inodes), whatever space is free."""
    if sys.platform == "win32":
        return False
    try:
        disk = os.statvfs(nearest_existing(path))
    except OSError:
        return False
    return disk.f_files > 0 and disk.f_favail == 0


def preallocate(descriptor: int, size_bytes: int) -> None:
    """Reserve a new file's whole space at once, where the system can.

    Raises OSError (ENOSPC, EDQUOT) when there is too little.
    """
    if sys.platform != "linux" or size_bytes == 0:
        return
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError as error:
        # Other errors mean that the file system cannot preallocate; the write itself finds a full disk then.
        # The C library would emulate it by writing into every block, but reports EBADF for a write-only file.
        if error.errno in NO_SPACE:
            raise
