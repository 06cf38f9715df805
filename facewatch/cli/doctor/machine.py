"""What the check-up looks at besides files: handed in, so that a test can have another machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facewatch.engine.messages import Ready
from facewatch.engine.process import examine
from facewatch.system.autostart import Login, of_this_system, own_command
from facewatch.tray.detect import Desktop, look


def _login() -> Login:
    return of_this_system(own_command())


@dataclass(frozen=True)
class Machine:
    """The machine, or a test's picture of it."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    now: Callable[[], float] = time.time  # wall clock seconds
    probe: Callable[[str], Ready] = examine  # a wish -> the device, and what it computes in
    login: Callable[[], Login] = _login
    desktop: Callable[[], Desktop] = look
