"""How much memory this process has had, and how busy a GPU is."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_SAMPLE_MILLISECONDS = 200


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


@contextmanager
def watched_gpu(device: str) -> Iterator[dict[str, Any]]:
    """Fills in how busy the GPU was meanwhile, in percent, if it is NVIDIA's and nvidia-smi is there."""
    told: dict[str, Any] = {}
    tool = shutil.which("nvidia-smi") if device.startswith("cuda") else None
    if tool is None:
        yield told
        return
    number = device.partition(":")[2] or "0"
    query = ["--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
    with tempfile.TemporaryFile("w+", encoding="ascii", errors="replace") as output:
        watching = subprocess.Popen(
            [tool, "-i", number, *query, "-lms", str(_SAMPLE_MILLISECONDS)],
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield told
        finally:
            watching.kill()
            watching.wait()
            output.seek(0)
            told.update(_averages(output.read()))


def _averages(text: str) -> dict[str, Any]:
    pairs = [
        (int(busy), int(used)) for busy, used in re.findall(r"^\s*(\d+)\s*,\s*(\d+)\s*$", text, re.MULTILINE)
    ]
    if not pairs:
        return {}
    return {
        "gpu_busy_percent": round(statistics.mean(busy for busy, _ in pairs), 1),
        "gpu_used_bytes": max(used for _, used in pairs) << 20,
    }
