"""Connections that cost money by the byte, or have a limit."""

from __future__ import annotations

import sys

from facewatch.system.bus import Service

NETWORK_MANAGER = Service(
    "SYSTEM",
    "org.freedesktop.NetworkManager",
    "/org/freedesktop/NetworkManager",
    "org.freedesktop.NetworkManager",
)
_METERED = {1, 3}  # NM_METERED_YES, NM_METERED_GUESS_YES
_COSTLY = 0x2 | 0x4 | 0x10000 | 0x40000  # netlistmgr.h: fixed, variable, over the limit, roaming
_MANAGER = "{DCB00C01-570F-4A9B-8D69-199FDBA5723B}"  # CLSID_NetworkListManager
_COST_MANAGER = "{DCB00008-570F-4A9B-8D69-199FDBA5723B}"  # IID_INetworkCostManager
_GET_COST, _RELEASE = 3, 2  # places in the interface's table
_CONTEXT = 0x17  # CLSCTX_ALL


def connection_is_metered() -> bool:
    """Return True if the system calls the present connection metered; False if it does not say."""
    if sys.platform == "win32":
        return bool(_windows_cost() & _COSTLY)
    if sys.platform == "linux":
        return NETWORK_MANAGER.read("Metered") in _METERED
    return False


def _windows_cost() -> int:
    """Return the flags NLM_CONNECTION_COST of the present connection; 0 if Windows does not say."""
    if sys.platform != "win32":
        return 0
    import ctypes
    from ctypes import wintypes

    ole = ctypes.windll.ole32
    started = ole.CoInitializeEx(None, 0) >= 0  # else the thread has another kind, which serves as well
    identifiers = [ctypes.create_string_buffer(16) for _ in range(2)]
    for text, identifier in zip((_MANAGER, _COST_MANAGER), identifiers, strict=True):
        ole.CLSIDFromString(ctypes.c_wchar_p(text), identifier)
    manager, cost = ctypes.c_void_p(), wintypes.DWORD()
    try:
        if ole.CoCreateInstance(identifiers[0], None, _CONTEXT, identifiers[1], ctypes.byref(manager)) < 0:
            return 0
        table = ctypes.cast(
            ctypes.c_void_p.from_address(manager.value or 0).value or 0, ctypes.POINTER(ctypes.c_void_p)
        )
        ask = ctypes.WINFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        failed = ask(table[_GET_COST] or 0)(manager, ctypes.byref(cost), None) < 0
        ctypes.WINFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)(table[_RELEASE] or 0)(manager)
        return 0 if failed else cost.value
    finally:
        if started:
            ole.CoUninitialize()
