"""Room on the disk, asked for before a copy is written."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path

from facewatch.errors import DiskFull

SPARE_SHARE = 0.01  # of the whole disk, left free: for the ledger, and for everybody else
NO_SPACE = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}


def require_space(folder: Path, need_bytes: int) -> None:
    """See that `need_bytes` more fit into `folder`, with a hundredth of its disk still free after that.

    Raises DiskFull, or OSError where the folder cannot be asked.
    """
    disk = shutil.disk_usage(folder)
    # Some network file systems know no sizes: all are 0 then.
    if disk.total and disk.free - need_bytes < disk.total * SPARE_SHARE:
        raise DiskFull(
            f"the disk of {folder} is nearly full: {_words(disk.free)} of {_words(disk.total)} are free, "
            f"{_words(need_bytes)} are needed, and 1 % of a disk is left free; free some space; "
            "the work goes on by itself"
        )


def _words(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1e5 else f"{size_bytes / 1e3:.0f} kB"


def preallocate(descriptor: int, size_bytes: int) -> None:
    """Take a new file's whole room at once, where the system can.

    Raises OSError (ENOSPC, EDQUOT) where there is too little.
    """
    if sys.platform != "linux" or size_bytes == 0:
        return
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError as error:
        # A file system that cannot do it says so, and the write itself will tell. What the C library would do
        # instead, a write into every block, it refuses for a file that is open for writing only (EBADF).
        if error.errno in NO_SPACE:
            raise
