"""Memory of the engine process: reuse of large blocks, and an upper limit."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path
from typing import Any

from facewatch.system.processes import total_memory_bytes

# From malloc.h of glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_MMAP_MAX = -4

_LARGE = 1 << 30  # bytes; larger blocks are mapped separately and returned when freed


SHARE = 0.9  # of the machine's memory
MEMORY = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup/memory.max")


def tune() -> bool:
    """Keep large blocks of memory for the next call instead of returning each to the system.

    glibc maps every block over 32 MB afresh, and faulting in its pages at each layer of a network can take as
    long as the computation. Call this after the networks are loaded: until then, freed memory must return to
    the system. It holds for the whole process but serves its first thread; blocks over 64 MB of other threads
    are mapped as before.

    returns  whether it took effect; only glibc has this setting (not musl, macOS or Windows)
    """
    library = _glibc()
    if library is None:
        return False
    kept = bool(library.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1))
    # Older releases of glibc refuse a threshold above 32 MB, but let mapping be turned off altogether.
    return kept and bool(library.mallopt(_M_MMAP_THRESHOLD, _LARGE) or library.mallopt(_M_MMAP_MAX, 0))


def release() -> bool:
    """Return unused memory that `tune` has kept to the system.

    returns  whether there was any
    """
    library = _glibc()
    return library is not None and bool(library.malloc_trim(0))


def _glibc() -> Any:
    """Return the C library of this process if it is glibc, else None."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


def limit_memory(most_bytes: int | None = None) -> int | None:
    """Limit the memory of this process for good; return the limit, None if the system has no such limit.

    most_bytes  bytes, including what the process already holds; None: nine tenths of the memory of the
                machine, or of its container

    Beyond it an allocation fails: MemoryError in Python, an error of the library elsewhere. Linux counts
    private writable memory (RLIMIT_DATA, getrlimit(2)); the libraries that torch maps and address space that
    is only reserved cost nothing. (A limit of the address space, RLIMIT_AS, would count those: 3.6 GB for
    torch on a CPU that has done nothing yet.)
    """
    if sys.platform != "linux":
        return None  # macOS accepts such a limit but does not enforce it
    import resource

    wanted = usable_bytes() if most_bytes is None else most_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    return limit


def usable_bytes() -> int:
    """Return the memory that one engine may use: nine tenths of the machine's, or of its container's."""
    whole = machine_bytes() if sys.platform == "linux" else total_memory_bytes()
    return int(whole * SHARE)


def machine_bytes(memory: Path = MEMORY, cgroup: Path = CGROUP) -> int:
    """Return the memory of the machine, or of its container if that is less, as Linux reports it."""
    found = re.search(r"^MemTotal:\s*(\d+) kB", memory.read_text("ascii"), re.MULTILINE)
    if found is None:
        raise OSError(f"{memory} does not contain the size of the memory")
    whole = int(found[1]) * 1024
    try:
        return min(whole, int(cgroup.read_text("ascii")))
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return whole
