"""Findings of the check-up, and the machine that it looks at."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facewatch.engine.messages import Ready
from facewatch.engine.process import examine
from facewatch.system.autostart import Login, of_this_system, own_command
from facewatch.system.graphics import Vendor, cards
from facewatch.system.idle import idle_seconds
from facewatch.tray.detect import Desktop, look

LONG_PATHS_KEY = r"SYSTEM\CurrentControlSet\Control\FileSystem"
Level = Literal["ok", "note", "fix"]


@dataclass(frozen=True)
class Finding:
    """One line of the check-up.

    note  nothing is broken, but the user should know
    fix   facewatch, or a part of it, does not work like this; the text ends with what to do
    """

    what: str
    level: Level
    text: str

    @property
    def ok(self) -> bool:
        """True if nothing has to be fixed."""
        return self.level != "fix"


def _login() -> Login:
    return of_this_system(own_command())


def _long_paths() -> bool:
    """Return True if this system allows paths of more than 259 characters."""
    if sys.platform != "win32":
        return True
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, LONG_PATHS_KEY) as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:  # the value does not exist: Windows' default is no
        return False


@dataclass(frozen=True)
class Machine:
    """The machine beside its files; a test hands in another one."""

    proc: Path = Path("/proc")
    dev: Path = Path("/dev")
    cards: Callable[[], tuple[Vendor, ...]] = cards  # with a torch that could use them
    now: Callable[[], float] = time.time  # wall clock seconds
    probe: Callable[[str], Ready] = examine  # requested device -> the device and its precision
    login: Callable[[], Login] = _login
    desktop: Callable[[], Desktop] = look
    long_paths: Callable[[], bool] = _long_paths
    unused_for: Callable[[], float | None] = idle_seconds
