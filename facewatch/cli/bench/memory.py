"""How much memory this process has had."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import psutil

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def resident_bytes() -> int:
    """What this process has in memory now."""
    return int(psutil.Process().memory_info().rss)


def peak_bytes() -> int:
    """The most that this process has had in memory at once.

    Linux's getrusage would count what the parent had before this process became itself; VmHWM does not.
    """
    if sys.platform == "linux":
        found = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text("ascii", "replace"))
        return int(found[1]) * 1024 if found else 0
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def forget_peak() -> bool:
    """Begin the peak anew; whether this system can do that."""
    if sys.platform != "linux":
        return False
    _CLEAR.write_text("5", "ascii")
    return True
