"""Detection of the desktop's tray and of the backend that can use it."""

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
WAIT_SECONDS = 120.0  # at login the panel may start after facewatch
POLL_SECONDS = 2.0
WATCHER = "org.kde.StatusNotifierWatcher"
FALLBACK = "use `facewatch status`"


@dataclass(frozen=True)
class Desktop:
    """The tray support of a desktop that is neither Windows nor macOS."""

    named: bool  # a display and a session bus are named in the environment
    display: bool  # the display answers
    libraries: tuple[Backend, ...]  # that can be loaded, best first
    watcher: bool  # a panel shows indicators: KDE, GNOME with its extension, Xfce, Cinnamon, ...
    embedding: bool  # a panel embeds windows, on X11


def choose(desktop: Desktop) -> Backend | None:
    """Return the backend that works now; None if a panel may still start.

    Raises NoTray if waiting cannot help.
    """
    if not desktop.named:
        raise NoTray(f"no tray on this desktop: there is no display or no session bus; {FALLBACK}")
    if not desktop.libraries:
        raise NoTray(
            "no tray on this desktop: install gir1.2-ayatanaappindicator3-0.1 (and PyGObject for this "
            f"Python: `pip install 'facewatch[tray-linux]'`), or {FALLBACK}"
        )
    if not desktop.display:
        return None
    if "appindicator" in desktop.libraries and (desktop.watcher or desktop.embedding):
        return "appindicator"
    return "gtk" if "gtk" in desktop.libraries and desktop.embedding else None


def wait_for_tray(
    look: Callable[[], Desktop], clock: Callable[[], float], sleep: Callable[[float], None]
) -> Backend:
    """Return the backend to use, waiting up to two minutes for a panel.

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
                "no tray on this desktop: no panel shows tray icons (GNOME needs its "
                f"AppIndicator extension); {FALLBACK}"
            )
        sleep(POLL_SECONDS)
    return backend


def look() -> Desktop:
    """Return the tray support of this desktop."""
    display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    named = display and _has_session_bus()
    if not named:
        return Desktop(named=False, display=False, libraries=(), watcher=False, embedding=False)
    answers, embedding = _probe_x11()
    libraries = _available_libraries()
    watcher = bool(libraries) and _has_watcher()
    return Desktop(
        named=True,
        display=answers or _has_wayland_socket(),
        libraries=libraries,
        watcher=watcher,
        embedding=embedding,
    )


def _has_session_bus() -> bool:
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return bool(runtime) and Path(runtime or "", "bus").exists()


def _has_wayland_socket() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY")
    return bool(name) and Path(os.environ.get("XDG_RUNTIME_DIR", "/run"), name or "").exists()


def _probe_x11() -> tuple[bool, bool]:
    """Return two booleans: the X display answers, and a panel on it embeds windows."""
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


def _available_libraries() -> tuple[Backend, ...]:
    forced = os.environ.get("PYSTRAY_BACKEND")
    if importlib.util.find_spec("gi") is None:
        return ()
    found: list[Backend] = []
    if _has_typelib("Gtk", "3.0"):
        if _has_typelib("AyatanaAppIndicator3", "0.1") or _has_typelib("AppIndicator3", "0.1"):
            found.append("appindicator")
        found.append("gtk")
    return tuple(name for name in found if forced in (None, "", name))


def _has_typelib(name: str, version: str) -> bool:
    import gi

    try:
        gi.require_version(name, version)
    except ValueError:
        return False
    return True


def _has_watcher() -> bool:
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
