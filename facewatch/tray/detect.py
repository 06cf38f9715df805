"""Whether this desktop can show an icon with a menu, and by which backend."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facewatch.errors import NoTray

Backend = Literal["win32", "darwin", "appindicator", "gtk"]
WAIT_SECONDS = 120.0  # at login the panel may come later than we do
LOOK_SECONDS = 2.0
WATCHER = "org.kde.StatusNotifierWatcher"
INSTEAD = "use `facewatch status`"


@dataclass(frozen=True)
class Desktop:
    """What was found on a desktop that is neither Windows nor macOS."""

    named: bool  # a display and a session bus are named in the environment
    display: bool  # the display answers
    libraries: tuple[Backend, ...]  # that can be loaded, the better first
    watcher: bool  # panels that take indicators: KDE, GNOME with its extension, Xfce, Cinnamon, ...
    embedding: bool  # panels that take a window of ours, on X11


def choose(desktop: Desktop) -> Backend | None:
    """The backend that works now; None when a panel may still come.

    Raises NoTray where waiting is of no use.
    """
    if not desktop.named:
        raise NoTray(f"no tray on this desktop: there is no display or no session bus; {INSTEAD}")
    if not desktop.libraries:
        raise NoTray(
            "no tray on this desktop: install gir1.2-ayatanaappindicator3-0.1 (and PyGObject for this "
            f"Python: `pip install 'facewatch[tray-linux]'`), or {INSTEAD}"
        )
    if not desktop.display:
        return None
    if "appindicator" in desktop.libraries and (desktop.watcher or desktop.embedding):
        return "appindicator"
    return "gtk" if "gtk" in desktop.libraries and desktop.embedding else None


def wait_for_tray(
    look: Callable[[], Desktop], clock: Callable[[], float], sleep: Callable[[float], None]
) -> Backend:
    """The backend to use; waits up to two minutes for the panel.

    Raises NoTray with one line that says what is missing.
    """
    if sys.platform == "win32":
        return "win32"
    if sys.platform == "darwin":
        return "darwin"
    deadline = clock() + WAIT_SECONDS
    while (backend := choose(look())) is None:
        if clock() >= deadline:
            raise NoTray(
                "no tray on this desktop: no panel here shows icons of programs (GNOME needs its "
                f"AppIndicator extension); {INSTEAD}"
            )
        sleep(LOOK_SECONDS)
    return backend


def look() -> Desktop:
    """Look at the present desktop."""
    display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    named = display and _bus_named()
    if not named:
        return Desktop(named=False, display=False, libraries=(), watcher=False, embedding=False)
    answers, embedding = _x11()
    libraries = _libraries()
    watcher = bool(libraries) and _watched()
    return Desktop(
        named=True,
        display=answers or _wayland(),
        libraries=libraries,
        watcher=watcher,
        embedding=embedding,
    )


def _bus_named() -> bool:
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return bool(runtime) and Path(runtime or "", "bus").exists()


def _wayland() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY")
    return bool(name) and Path(os.environ.get("XDG_RUNTIME_DIR", "/run"), name or "").exists()


def _x11() -> tuple[bool, bool]:
    """Whether the X display answers, and whether a panel on it takes windows."""
    if not os.environ.get("DISPLAY"):
        return False, False
    import Xlib.display  # type: ignore[import-untyped]
    import Xlib.error  # type: ignore[import-untyped]
    from Xlib import X

    try:
        display = Xlib.display.Display()
    except (Xlib.error.DisplayError, Xlib.error.XauthError, OSError):
        return False, False
    try:
        atom = display.intern_atom(f"_NET_SYSTEM_TRAY_S{display.get_default_screen()}")
        return True, display.get_selection_owner(atom) != X.NONE
    finally:
        display.close()


def _libraries() -> tuple[Backend, ...]:
    forced = os.environ.get("PYSTRAY_BACKEND")
    if importlib.util.find_spec("gi") is None:
        return ()
    found: list[Backend] = []
    if _typelib("Gtk", "3.0"):
        if _typelib("AyatanaAppIndicator3", "0.1") or _typelib("AppIndicator3", "0.1"):
            found.append("appindicator")
        found.append("gtk")
    return tuple(name for name in found if forced in (None, "", name))


def _typelib(name: str, version: str) -> bool:
    import gi

    try:
        gi.require_version(name, version)
    except ValueError:
        return False
    return True


def _watched() -> bool:
    from gi.repository import Gio, GLib

    try:
        bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
        answer = bus.call_sync(
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "NameHasOwner",
            GLib.Variant("(s)", (WATCHER,)),
            None,
            Gio.DBusCallFlags.NONE,
            3000,
            None,
        )
    except GLib.Error:
        return False
    return bool(answer.unpack()[0])
