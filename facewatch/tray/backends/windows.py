"""The icon on Windows; an open menu is not replaced."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pystray
from PIL import Image

from facewatch.tray.backends.descriptors import descriptors
from facewatch.tray.menu_items import Action, Menu
from facewatch.tray.notifications import Notification

RIGHT_BUTTON_UP = 0x0205
BALLOON_CLICK = 0x0405  # NIN_BALLOONUSERCLICK
CALL_SOON = 0x8000 + 7  # WM_APP and a number that pystray does not use
LONGEST_TITLE, LONGEST_TEXT = 63, 255  # the limits of NOTIFYICONDATA


class WindowsIcon(pystray.Icon):  # type: ignore[misc] # pystray has no types
    """pystray's icon; a menu that changes while it is open is rebuilt after it closes."""

    def __init__(self, name: str, on_click: Callable[[Action], None], on_quit: Callable[[], None]) -> None:
        """
        on_quit  unused: Windows ends a process without asking
        """
        del on_quit
        self._on_click = on_click
        self._on_balloon: Action | None = None
        self._lock = threading.RLock()
        self._open = False
        self._stale = False
        self._callbacks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        super().__init__(name)
        self._message_handlers[CALL_SOON] = self._on_call_soon

    def show_picture(self, name: str, image: Image.Image) -> None:
        """Replace the picture. From any thread."""
        del name
        self.icon = image

    def show_menu(self, menu: Menu) -> None:
        """Replace the menu. From any thread."""
        # Windows underlines the letter after an ampersand.
        self.menu = descriptors(menu, self._on_click, lambda text: text.replace("&", "&&"))

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call `callback` from the message loop. From any thread."""
        from pystray._util import win32

        self._callbacks.put(callback)
        win32.PostMessage(self._hwnd, CALL_SOON, 0, 0)

    def show_notification(self, notification: Notification) -> None:
        """Show a notification; a click on it runs its first action. From any thread."""
        self._on_balloon = notification.actions[0][1] if notification.actions else None
        self.notify(notification.text, notification.title)

    def notify(self, message: str, title: str | None = None) -> None:
        """Show a notification, cut to the lengths that Windows accepts."""
        super().notify(message[:LONGEST_TEXT], (title or "")[:LONGEST_TITLE])

    def _update_menu(self) -> None:
        with self._lock:
            self._stale = self._open
            if not self._open:
                super()._update_menu()

    def _on_call_soon(self, wparam: Any, lparam: Any) -> None:
        del wparam, lparam
        self._callbacks.get()()

    def _on_notify(self, wparam: Any, lparam: Any) -> None:
        if lparam == BALLOON_CLICK and self._on_balloon is not None:
            self._on_click(self._on_balloon)
        if lparam != RIGHT_BUTTON_UP:
            super()._on_notify(wparam, lparam)
            return
        with self._lock:
            self._open = True
        try:
            super()._on_notify(wparam, lparam)
        finally:
            with self._lock:
                self._open = False
                if self._stale:
                    self._update_menu()
