"""Find out if a program runs full screen: a game, a film, a presentation."""

from __future__ import annotations

import sys
from typing import Any

from facewatch.system.bus import Service
from facewatch.system.x11 import ask_x11

GAME_MODE = Service(
    "SESSION",
    "com.feralinteractive.GameMode",
    "/com/feralinteractive/GameMode",
    "com.feralinteractive.GameMode",
)
_FULL_SCREEN = {2, 3, 4}  # shellapi.h: QUNS_BUSY, QUNS_RUNNING_D3D_FULL_SCREEN, QUNS_PRESENTATION_MODE
_MOST_WINDOWS = 1 << 16


def a_program_runs_full_screen() -> bool:
    """Return True if a window in sight fills its screen; False where the system does not tell.

    On Linux X11 lists all windows, under Wayland those of programs that use X, as most games do; Feral's
    GameMode counts the games on both. On macOS nothing is asked: the list of windows comes by Apple's
    frameworks, which the daemon does not load.
    """
    if sys.platform == "win32":
        return _windows_state() in _FULL_SCREEN
    if sys.platform == "darwin":
        return False
    return bool(ask_x11(_has_full_screen_window) or GAME_MODE.read("ClientCount"))


def _has_full_screen_window(display: Any) -> bool:
    """Look through the windows of the window manager's list (Extended Window Manager Hints 1.5)."""
    root = display.screen().root
    desktop = _property(display, root, "_NET_CURRENT_DESKTOP")
    wanted, hidden = (display.intern_atom(f"_NET_WM_STATE_{name}") for name in ("FULLSCREEN", "HIDDEN"))
    return any(
        wanted in states and hidden not in states and _is_on(display, window, desktop)
        for window, states in _states_of_windows(display, root)
    )


def _states_of_windows(display: Any, root: Any) -> list[tuple[Any, list[int]]]:
    from Xlib.error import BadWindow  # type: ignore[import-untyped]

    found = []
    for number in _property(display, root, "_NET_CLIENT_LIST"):
        window = display.create_resource_object("window", number)
        try:
            found.append((window, _property(display, window, "_NET_WM_STATE")))
        except BadWindow:  # closed since the list was read
            continue
    return found


def _is_on(display: Any, window: Any, desktop: list[int]) -> bool:
    place = _property(display, window, "_NET_WM_DESKTOP")
    return not place or not desktop or place[0] in {desktop[0], 0xFFFFFFFF}  # the last: on all of them


def _property(display: Any, window: Any, name: str) -> list[int]:
    from Xlib.X import AnyPropertyType  # type: ignore[import-untyped]

    found = window.get_property(display.intern_atom(name), AnyPropertyType, 0, _MOST_WINDOWS)
    return [] if found is None else list(found.value)


def _windows_state() -> int:
    """Return what Windows says about the user: QUERY_USER_NOTIFICATION_STATE; 0 if it says nothing."""
    if sys.platform != "win32":
        return 0
    import ctypes

    state = ctypes.c_int()
    failed = ctypes.windll.shell32.SHQueryUserNotificationState(ctypes.byref(state)) != 0
    return 0 if failed else state.value
