"""A cheap identity of a file's content: its inode, size and times."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The metadata of a file that changes when its content does."""

    inode: int
    size: int  # bytes
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Fingerprint:
        """Return the fingerprint in a result of `os.stat` or `os.fstat`."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Settled:
    """A file that has been quiet long enough, and its fingerprint all that time."""

    path: Path
    fingerprint: Fingerprint
