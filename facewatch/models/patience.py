"""How long a download waits for what."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """The waits of a download, and the clocks that measure them."""

    tries: int = 5  # failures in a row before the next address
    most_attempts: int = 200  # at one address, whatever they bring
    first_pause_seconds: float = 1.0  # doubled at each failure, plus or minus half
    longest_pause_seconds: float = 30.0
    connect_seconds: float = 15.0
    stall_seconds: float = 30.0  # without one byte
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random  # 0-1


USUAL = Patience()
