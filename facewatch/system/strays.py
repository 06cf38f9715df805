"""Temporaries that ended processes left behind."""

from __future__ import annotations

import fnmatch
import os
from contextlib import suppress
from pathlib import Path

from facewatch.system.atomic import TEMPORARY_PREFIX, creator_of, remove_file
from facewatch.system.processes import is_still_running


def remove_stray_temporaries(top: Path, *, below: bool = True) -> int:
    """Remove the temporaries of ended processes from a folder and those `below` it; return how many."""
    count = 0
    for folder, folders, names in os.walk(top):  # skips folders that it cannot enter
        if not below:
            folders.clear()
        for name in fnmatch.filter(names, f"{TEMPORARY_PREFIX}*.tmp"):
            stray = Path(folder, name)
            with suppress(OSError):  # its process has just ended and removed it
                if not is_still_running(*creator_of(stray), stray.lstat().st_ctime):
                    count += remove_file(stray)
    return count
