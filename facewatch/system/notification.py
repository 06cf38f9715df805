"""One notification of the desktop, from a program without an icon or a terminal of its own."""

from __future__ import annotations

import html
import subprocess
import sys
from typing import Any

from facewatch.system.bus import Service

NOTIFIER = Service(
    "SESSION",
    "org.freedesktop.Notifications",
    "/org/freedesktop/Notifications",
    "org.freedesktop.Notifications",
)
APPLE_SCRIPT = (
    "on run words",
    "display notification (item 2 of words) with title (item 1 of words)",
    "end run",
)
SECONDS = 10.0
WARNING = 0x30  # MB_ICONWARNING


def notify(title: str, text: str, *, warning: bool = False) -> bool:
    """Show a text on the desktop; return False where nothing shows it.

    On Windows only a warning is shown, as a message box that waits to be closed.
    """
    if sys.platform == "win32":
        import ctypes

        return warning and bool(ctypes.windll.user32.MessageBoxW(None, text, title, WARNING))
    if sys.platform == "darwin":
        return _on_macos(title, text)
    # The text of a notification is markup, where file names are not.
    values: tuple[Any, ...] = ("Facewatch", 0, "facewatch", title, html.escape(text, quote=False), [], {}, -1)
    return NOTIFIER.call("Notify", "susssasa{sv}i", values) is not None


def _on_macos(title: str, text: str) -> bool:
    script = [part for line in APPLE_SCRIPT for part in ("-e", line)]
    try:
        run = subprocess.run(
            ["/usr/bin/osascript", *script, title, text], capture_output=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0
