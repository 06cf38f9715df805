"""Shortcuts of Windows (IShellLinkW and IPersistFile, shobjidl_core.h and objidl.h)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if sys.platform == "win32":
    import ctypes

    SHELL_LINK = "{00021401-0000-0000-C000-000000000046}"
    I_SHELL_LINK = "{000214F9-0000-0000-C000-000000000046}"
    I_PERSIST_FILE = "{0000010B-0000-0000-C000-000000000046}"
    IN_PROCESS = 1  # CLSCTX_INPROC_SERVER
    # Places of the methods in the tables of their interfaces.
    QUERY_INTERFACE, RELEASE, SET_ARGUMENTS, SET_ICON, SET_PATH, SAVE = 0, 2, 11, 17, 20, 6

    def write_shortcut(file: Path, command: Sequence[str]) -> None:
        """Write a shortcut that starts the command, followed by the paths that are sent to it.

        Raises OSError.
        """
        ctypes.oledll.ole32.CoInitialize(None)
        try:
            link = ctypes.c_void_p()
            ctypes.oledll.ole32.CoCreateInstance(
                _guid(SHELL_LINK), None, IN_PROCESS, _guid(I_SHELL_LINK), ctypes.byref(link)
            )
            _call(link, SET_PATH, ctypes.c_wchar_p(command[0]))
            _call(link, SET_ARGUMENTS, ctypes.c_wchar_p(subprocess.list2cmdline(command[1:])))
            _call(link, SET_ICON, ctypes.c_wchar_p(command[0]), ctypes.c_int(0))
            as_file = ctypes.c_void_p()
            _call(link, QUERY_INTERFACE, _guid(I_PERSIST_FILE), ctypes.pointer(as_file))
            _call(as_file, SAVE, ctypes.c_wchar_p(str(file)), ctypes.c_int(1))
            for part in (as_file, link):
                _call(part, RELEASE)
        finally:
            ctypes.windll.ole32.CoUninitialize()

    def _guid(text: str) -> ctypes.Array[ctypes.c_byte]:
        guid = (ctypes.c_byte * 16)()
        ctypes.oledll.ole32.CLSIDFromString(ctypes.c_wchar_p(text), guid)
        return guid

    def _call(part: ctypes.c_void_p, place: int, *arguments: Any) -> None:
        result = ctypes.c_ulong if place == RELEASE else ctypes.HRESULT  # a failure raises OSError
        ctypes.WINFUNCTYPE(result, *map(type, arguments))(place, "method")(part, *arguments)
