"""How the C library hands out the memory that torch computes in. Only for the engine's own process."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# From malloc.h of glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_MMAP_MAX = -4

_LARGE = 1 << 30  # bytes; above this a piece is mapped for itself and goes back when it is freed


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
