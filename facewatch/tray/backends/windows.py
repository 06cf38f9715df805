"""The icon on Windows, whose menu is not taken away while it is open."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pystray
from PIL import Image

from facewatch.tray.backends.descriptors import descriptors
from facewatch.tray.menu_items import Action, Menu

RIGHT_BUTTON_UP = 0x0205
SOON = 0x8000 + 7  # WM_APP and a number that pystray does not use
LONGEST_TITLE, LONGEST_TEXT = 63, 255  # what the system's structure holds


class WindowsIcon(pystray.Icon):  # type: ignore[misc] # pystray has no types
    """pystray's icon; a menu that changes while it is open is rebuilt when it has closed."""

    def __init__(self, name: str, on_click: Callable[[Action], None], on_end: Callable[[], None]) -> None:
        """on_end  unused: Windows ends a process without asking"""
        del on_end
        self._on_click = on_click
        self._guard = threading.RLock()
        self._open = False
        self._stale = False
        self._acts: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        super().__init__(name)
        self._message_handlers[SOON] = self._on_soon

    def show_picture(self, name: str, image: Image.Image) -> None:
        """Show another icon. From any thread."""
        del name
        self.icon = image

    def show_menu(self, menu: Menu) -> None:
        """Show another menu. From any thread."""
        # Windows underlines the letter after an ampersand.
        self.menu = descriptors(menu, self._on_click, lambda text: text.replace("&", "&&"))

    def soon(self, act: Callable[[], None]) -> None:
        """Have `act` done by the loop of messages. From any thread."""
        from pystray._util import win32

        self._acts.put(act)
        win32.PostMessage(self._hwnd, SOON, 0, 0)

    def notify(self, message: str, title: str | None = None) -> None:
        """Send a notification; cut to what Windows takes."""
        super().notify(message[:LONGEST_TEXT], (title or "")[:LONGEST_TITLE])

    def _update_menu(self) -> None:
        with self._guard:
            self._stale = self._open
            if not self._open:
                super()._update_menu()

    def _on_soon(self, wparam: Any, lparam: Any) -> None:
        del wparam, lparam
        self._acts.get()()

    def _on_notify(self, wparam: Any, lparam: Any) -> None:
        if lparam != RIGHT_BUTTON_UP:
            super()._on_notify(wparam, lparam)
            return
        with self._guard:
            self._open = True
        try:
            super()._on_notify(wparam, lparam)
        finally:
            with self._guard:
                self._open = False
                if self._stale:
                    self._update_menu()
