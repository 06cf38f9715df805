"""What is measured on, and the models it is measured with."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from facewatch import __version__
from facewatch.cli.bench.case import Case
from facewatch.cli.bench.stopwatch import Stopwatch
from facewatch.cli.bench.worker import Repetition


def describe(case: Case, watch: Stopwatch) -> tuple[Repetition, Mapping[str, Any]]:
    """The machine, and what `auto` means on it; `args` wishes for the device.

    Raises NoSuchDevice.
    """
    import torch

    from facewatch.restoration.networks import device
    from facewatch.restoration.networks.precision import describe as precision_in_words

    del watch
    chosen = device.choose(case.args["wish"])
    told = {
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
        "precision": precision_in_words("auto", chosen),
        "load_average": list(psutil.getloadavg()),
    }
    return lambda: None, told


def write_models(case: Case, watch: Stopwatch) -> tuple[Repetition, Mapping[str, Any]]:
    """Write the models that are not here in their published form, with random weights."""
    from facewatch.cli.bench import published

    del watch
    for name in case.args["write"]:
        published.FORMS[name](case.model(name))
    return lambda: None, {}


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        found = re.search(r"^model name\s*: (.+)$", information.read_text("utf-8", "replace"), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()
