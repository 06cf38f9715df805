"""Memory of this process."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import psutil

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def resident_bytes() -> int:
    """Return the memory that this process has now."""
    return int(psutil.Process().memory_info().rss)


def peak_bytes() -> int:
    """Return the most memory that this process has had at once.

    Linux's getrusage also counts the parent's memory from before exec; VmHWM does not.
    """
    if sys.platform == "linux":
        found = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text("ascii", "replace"))
        return int(found[1]) * 1024 if found else 0
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def reset_peak() -> bool:
    """Reset the peak; True if this system can."""
    if sys.platform != "linux":
        return False
    _CLEAR.write_text("5", "ascii")
    return True
