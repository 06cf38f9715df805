"""The terminal that a command was started in, if any."""

from __future__ import annotations

import sys


def can_ask() -> bool:
    """Return True if somebody at a terminal can answer a question.

    Windows calls every character device a terminal, also NUL, which programs without a console are given.
    """
    if sys.stdin is None or not sys.stdin.isatty():  # None in a windowed program
        return False
    return sys.platform != "win32" or _is_console(sys.stdin.fileno())


if sys.platform == "win32":
    import ctypes
    import msvcrt

    def _is_console(descriptor: int) -> bool:
        mode = ctypes.c_ulong()
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(descriptor))
        return bool(ctypes.windll.kernel32.GetConsoleMode(handle, ctypes.byref(mode)))
