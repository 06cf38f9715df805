"""The machine that is measured."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import psutil

from facewatch import __version__
from facewatch.cli.bench.case import Case
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Prepared


def describe(case: Case, watch: Stopwatch) -> Prepared:
    """Describe the machine, and the device and precision that it chooses.

    Raises NoSuchDevice.
    """
    import torch

    from facewatch.engine.precision import decide
    from facewatch.restoration.networks import device

    del watch
    chosen = device.choose(case.args["device"])
    facts = {
        "facewatch": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": psutil.cpu_count(logical=False),
        "logical_cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": chosen,
        "device_in_words": device.describe(chosen),
        "precision": decide("auto", chosen)[1],
        "load_average": list(psutil.getloadavg()),
    }
    return lambda: None, facts


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        found = re.search(r"^model name\s*: (.+)$", information.read_text("utf-8", "replace"), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()
