"""Memory of the graphics cards, and who uses it; neither torch nor a context on a card is needed."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LIBRARY = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
_UNKNOWN = (1 << 64) - 1  # NVML_VALUE_NOT_AVAILABLE
_MOST_PROCESSES = 256
_KFD = "class/kfd/kfd/proc"


@dataclass(frozen=True)
class CardMemory:
    """Bytes of one card."""

    used: int
    total: int
    own: int | None  # of the process that was asked about; None: it is not on this card, or nothing tells


class _Memory(ctypes.Structure):
    """nvmlMemory_t, nvml.h."""

    _fields_ = tuple((name, ctypes.c_ulonglong) for name in ("total", "free", "used"))


class _Process(ctypes.Structure):
    """nvmlProcessInfo_t of the versions 2 and 3, nvml.h."""

    _fields_ = (
        ("pid", ctypes.c_uint),
        ("used", ctypes.c_ulonglong),
        ("instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


def share_of_others(pid: int | None, cards: list[CardMemory] | None = None) -> float | None:
    """Return the share of a card's memory, 0-1, that other processes use; None if nothing tells.

    pid    a process of ours, whose card counts, without what it uses itself; None: there is none, and the
           emptiest card counts
    cards  by default those of this machine
    """
    found = read_cards(pid) if cards is None else cards
    if pid is not None:  # on Windows, and in some containers, a card does not tell what each process uses
        found = [card for card in found if card.own is not None]
    shares = [(card.used - (card.own or 0)) / card.total for card in found if card.total]
    return min(shares, default=None)


def read_cards(pid: int | None, sysfs: Path = Path("/sys")) -> list[CardMemory]:
    """Return the memory of all cards of NVIDIA and, on Linux, of AMD."""
    return [*_nvidia_cards(pid), *_amd_cards(pid, sysfs)]


def _nvidia_cards(pid: int | None) -> Iterator[CardMemory]:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:  # no driver
        return
    if library.nvmlInit_v2() != 0:
        return
    try:
        count = ctypes.c_uint()
        if library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return
        for index in range(count.value):
            card, memory = ctypes.c_void_p(), _Memory()
            if library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(card)) != 0:
                continue
            if library.nvmlDeviceGetMemoryInfo(card, ctypes.byref(memory)) == 0:
                yield CardMemory(memory.used, memory.total, _nvidia_use(library, card, pid))
    finally:
        library.nvmlShutdown()


def _nvidia_use(library: Any, card: ctypes.c_void_p, pid: int | None) -> int | None:
    """Return the bytes that a process uses on a card."""
    if pid is None or not hasattr(library, "nvmlDeviceGetComputeRunningProcesses_v3"):
        return None
    count, processes = ctypes.c_uint(_MOST_PROCESSES), (_Process * _MOST_PROCESSES)()
    if library.nvmlDeviceGetComputeRunningProcesses_v3(card, ctypes.byref(count), processes) != 0:
        return None
    used = (process.used for process in processes[: count.value] if process.pid == pid)
    return next((int(size) for size in used if size != _UNKNOWN), None)


def _amd_cards(pid: int | None, sysfs: Path) -> Iterator[CardMemory]:
    for card in sorted(sysfs.glob("class/drm/card*[0-9]/device")):
        with contextlib.suppress(OSError, ValueError):  # another maker's card, or one that sleeps
            used, total = (_number(card / f"mem_info_vram_{name}") for name in ("used", "total"))
            own = sum(map(_number, (sysfs / _KFD / str(pid)).glob("vram_*"))) or None
            yield CardMemory(used, total, own)


def _number(file: Path) -> int:
    return int(file.read_text("ascii"))
