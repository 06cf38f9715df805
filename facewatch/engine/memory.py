"""How the C library hands out the memory that torch computes in. Only for the engine's own process."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path
from typing import Any

# From malloc.h of glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_MMAP_MAX = -4

_LARGE = 1 << 30  # bytes; above this a piece is mapped for itself and goes back when it is freed


SHARE = 0.9  # of the machine's memory
MEMORY = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup/memory.max")


def tune() -> bool:
    """Keep large pieces of memory for the next call instead of giving each back to the system.

    glibc maps each piece over 32 MB anew, and to fault in all its pages at each layer of a network can take
    as long as the computing. To be called once the networks are loaded, since until then what is let go of
    has to go back. It holds for the whole process but serves its first thread: what others ask for beyond
    64 MB is mapped as before.

    returns  whether it took effect: only with glibc; musl, macOS and Windows are left as they are
    """
    library = _glibc()
    if library is None:
        return False
    kept = bool(library.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1))
    # Older releases of glibc refuse a threshold above 32 MB, but let mapping be turned off altogether.
    return kept and bool(library.mallopt(_M_MMAP_THRESHOLD, _LARGE) or library.mallopt(_M_MMAP_MAX, 0))


def release() -> bool:
    """Give what `tune` has kept and nobody uses back to the system.

    returns  whether there was anything to give
    """
    library = _glibc()
    return library is not None and bool(library.malloc_trim(0))


def _glibc() -> Any:
    """The C library this process runs on if it is glibc, else None."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


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
