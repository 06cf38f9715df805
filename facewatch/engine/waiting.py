"""Waiting threads of the networks: they spin on a quiet machine, and sleep on a busy one."""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping

from facewatch.system.processes import processor_use

MEASURED_SECONDS = 0.1
BUSY = 0.25  # of all cores, by other programs
_SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def sleep_where_busy(
    load: Callable[[], float] | None = None, environment: MutableMapping[str, str] | None = None
) -> None:
    """Let OpenMP's threads sleep while they wait for each other, if other programs use the processor.

    load         measures the share of all cores in use, 0-1; this process must not compute meanwhile
    environment  by default this process's

    Call it before torch is imported: OpenMP reads its environment once. What the user has set remains. A
    thread that spins takes the core from the one it waits for; one that sleeps starts later, which costs a
    tenth on a quiet machine (docs/performance.md).
    """
    variables = os.environ if environment is None else environment
    if any(name in variables for name in _SETTINGS):
        return
    if (load or _load)() >= BUSY:
        variables["OMP_WAIT_POLICY"] = "passive"


def _load() -> float:
    return processor_use(MEASURED_SECONDS)
