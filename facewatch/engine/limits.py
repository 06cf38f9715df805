"""How much memory the engine may take: a photo that wants more ends in an error, not in swapping."""

from __future__ import annotations

import re
import sys
from pathlib import Path

SHARE = 0.9  # of the machine's memory
MEMORY = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup/memory.max")


def limit_memory(most_bytes: int | None = None) -> int | None:
    """Let this process hold at most so much, for good; returns the limit, None where the system has none.

    most_bytes  bytes, what the process has already included; None: nine tenths of the machine's memory, or of
                what its container may have

    Beyond it an allocation fails: MemoryError in Python, an error of the library elsewhere. Linux counts
    private writable memory (RLIMIT_DATA, getrlimit(2)); the libraries that torch maps and address space that
    is only reserved cost nothing. (A limit of the address space, RLIMIT_AS, would count those: 3.6 GB for
    torch on a CPU that has done nothing yet.)
    """
    if sys.platform != "linux":
        return None  # macOS takes such a limit and does not keep it
    import resource

    wanted = int(machine_bytes() * SHARE) if most_bytes is None else most_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    return limit


def machine_bytes(memory: Path = MEMORY, cgroup: Path = CGROUP) -> int:
    """The memory of the machine, or of the container where that is less, as Linux tells it."""
    found = re.search(r"^MemTotal:\s*(\d+) kB", memory.read_text("ascii"), re.MULTILINE)
    if found is None:
        raise OSError(f"{memory} does not tell the machine's memory")
    whole = int(found[1]) * 1024
    try:
        return min(whole, int(cgroup.read_text("ascii")))
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return whole
