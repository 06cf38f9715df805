"""Read for how long no one has touched keyboard or pointer."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from facewatch.system.bus import LOGIND, Service
from facewatch.system.x11 import ask_x11

ASK_SECONDS = 5.0  # between two questions to the system
MUTTER = Service(
    "SESSION",
    "org.gnome.Mutter.IdleMonitor",
    "/org/gnome/Mutter/IdleMonitor/Core",
    "org.gnome.Mutter.IdleMonitor",
)
SCREENSAVER = Service(
    "SESSION", "org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver"
)
_IOREG = re.compile(r'"HIDIdleTime" = (\d+)')


class IdleTime:
    """The time since somebody used the computer; asks the system every few seconds at most."""

    def __init__(self, ask: Callable[[], float | None], clock: Callable[[], float] = time.monotonic) -> None:
        """ask  as `idle_seconds`"""
        self._ask = ask
        self._clock = clock
        self._asked_at = -math.inf
        self._seconds: float | None = None

    def __call__(self) -> float | None:
        """Return seconds, at most ASK_SECONDS old; None if this system does not tell."""
        if self._clock() - self._asked_at >= ASK_SECONDS:
            self._seconds = self._ask()
            self._asked_at = self._clock()
        return self._seconds


def idle_seconds() -> float | None:
    """Return the seconds since the last key or movement of the pointer, in any program.

    It is infinite while the screen is locked on a desktop that tells no more. None if nothing tells: a
    computer without a desktop, or one whose desktop keeps it to itself.
    """
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return _macos()
    for ask in (_mutter, _x11, _logind, _screensaver):
        seconds = ask()
        if seconds is not None:
            return seconds
    return None


def _mutter() -> float | None:
    milliseconds = MUTTER.call("GetIdletime")
    return None if milliseconds is None else milliseconds / 1000


def _x11() -> float | None:
    # Under Wayland the X server sees only what goes to X programs, and would call a busy user idle.
    return None if os.environ.get("WAYLAND_DISPLAY") else ask_x11(_unused_display)


def _unused_display(display: Any) -> float | None:
    if not display.has_extension("MIT-SCREEN-SAVER"):
        return None
    return float(display.screen().root.screensaver_query_info().idle) / 1000


def _logind() -> float | None:
    hint, since = LOGIND.read("IdleHint"), LOGIND.read("IdleSinceHintMonotonic")
    if hint is None or since is None or (not hint and since == 0):  # a desktop that never gave the hint
        return None
    return max(time.monotonic() - since / 1e6, 0.0) if hint else 0.0


def _screensaver() -> float | None:
    locked = SCREENSAVER.call("GetActive")
    return None if locked is None else math.inf if locked else 0.0


def _windows() -> float | None:
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    class LastInput(ctypes.Structure):
        """LASTINPUTINFO, winuser.h."""

        _fields_ = (("size", wintypes.UINT), ("ticks", wintypes.DWORD))

    last = LastInput(ctypes.sizeof(LastInput), 0)
    if not ctypes.windll.user32.GetLastInputInfo(ctypes.byref(last)):
        return None
    passed: int = (ctypes.windll.kernel32.GetTickCount() - last.ticks) & 0xFFFFFFFF  # wraps after 49 days
    return passed / 1000


def _macos(command: tuple[str, ...] = ("/usr/sbin/ioreg", "-c", "IOHIDSystem")) -> float | None:
    try:
        run = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _IOREG.search(run.stdout)
    return int(found[1]) / 1e9 if found else None
