"""Keep the computer from going to sleep."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

from facewatch.system.bus import LOGIND

Release = Callable[[], object]
_SYSTEM_REQUIRED = 1  # winnt.h: PowerRequestSystemRequired
_SIMPLE_STRING = 1  # minwinbase.h: POWER_REQUEST_CONTEXT_SIMPLE_STRING


@contextlib.contextmanager
def delayed_sleep(why: str) -> Iterator[None]:
    """Delay a sleep that comes meanwhile, by as much as the system allows (5 s with logind's defaults).

    On Windows and macOS it only keeps an unused computer from going to sleep: no program can hold up a user
    who sends it there.
    """
    release = _hold("sleep", "delay", why)
    try:
        yield
    finally:
        if release is not None:
            release()


class Awake:
    """Keeps an unused computer from going to sleep, for as long as it is wanted."""

    def __init__(self, hold: Callable[[str, str, str], Release | None] | None = None) -> None:
        self._hold = hold or _hold
        self._release: Release | None = None
        self._wanted = False

    def want(self, why: str, *, wanted: bool) -> bool:
        """Keep the computer awake from now on, or no longer; return False if the system does not let us.

        why  the system shows it to a user who asks what keeps the computer awake
        """
        if wanted and not self._wanted:
            self._release = self._hold("idle:sleep", "block", why)
        elif self._release is not None and not wanted:
            self._release()
            self._release = None
        self._wanted = wanted
        return not wanted or self._release is not None


def _hold(what: str, mode: str, why: str) -> Release | None:
    """Hold up sleep until the returned function is called; None if the system does not let us.

    what, mode  of logind's Inhibit (https://systemd.io/INHIBITOR_LOCKS/)
    """
    if sys.platform == "win32":
        return _hold_windows(why)
    if sys.platform == "darwin":
        return _hold_macos()
    descriptor = LOGIND.open("Inhibit", "ssss", (what, "facewatch", why, mode))
    return None if descriptor is None else lambda: os.close(descriptor)


def _hold_macos(command: tuple[str, ...] = ("/usr/bin/caffeinate", "-i")) -> Release | None:
    try:
        process = subprocess.Popen((*command, "-w", str(os.getpid())), stdin=subprocess.DEVNULL)
    except OSError:
        return None

    def release() -> None:
        process.terminate()
        process.wait()

    return release


def _hold_windows(why: str) -> Release | None:
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    class Reason(ctypes.Structure):
        """REASON_CONTEXT, minwinbase.h; the text shares its place with a longer structure."""

        _fields_ = (
            ("version", wintypes.ULONG),
            ("flags", wintypes.DWORD),
            ("text", wintypes.LPWSTR),
            ("unused", ctypes.c_void_p * 3),
        )

    kernel = ctypes.WinDLL("kernel32")
    kernel.PowerCreateRequest.restype = wintypes.HANDLE
    handle = wintypes.HANDLE(kernel.PowerCreateRequest(ctypes.byref(Reason(0, _SIMPLE_STRING, why))))
    if handle.value in (None, wintypes.HANDLE(-1).value):
        return None
    if not kernel.PowerSetRequest(handle, _SYSTEM_REQUIRED):
        kernel.CloseHandle(handle)
        return None
    return lambda: kernel.CloseHandle(handle)  # which ends the request
