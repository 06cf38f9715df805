"""Waiting threads of the networks: they spin for a moment, then sleep."""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping

from facewatch.system.processes import processor_use

MEASURED_SECONDS = 0.1
BUSY = 0.25  # of all cores, by other programs
SPINS = "1000"  # GNU's own number where there are more threads than cores; its usual one takes milliseconds
_SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def sleep_soon(
    load: Callable[[], float] | None = None, environment: MutableMapping[str, str] | None = None
) -> None:
    """Let OpenMP's threads soon sleep while they wait for each other, so that they hold no core up.

    load         measures the share of all cores in use, 0-1; this process must not compute meanwhile
    environment  by default this process's

    Call it before torch is imported: OpenMP reads its environment once. What the user has set remains. A
    thread that spins takes the core from the one it waits for. GNU's OpenMP, which torch has on Linux, spins
    only as long as costs nothing on a quiet machine (docs/performance.md); other kinds know no such number,
    and do not spin at all where other programs use the processor.
    """
    variables = os.environ if environment is None else environment
    if any(name in variables for name in _SETTINGS):
        return
    variables["GOMP_SPINCOUNT"] = SPINS
    if (load or _load)() >= BUSY:
        variables["OMP_WAIT_POLICY"] = "passive"


def _load() -> float:
    return processor_use(MEASURED_SECONDS)
