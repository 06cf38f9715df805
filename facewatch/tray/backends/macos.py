"""The icon on macOS; AppKit is called on the main thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pystray
from PIL import Image

from facewatch.tray.backends.descriptors import descriptors
from facewatch.tray.menu_items import Action, Menu
from facewatch.tray.notifications import Notification


class Handlers:
    """Handlers by tag, also of the previous menu, which may still be open. A list to pystray."""

    def __init__(self) -> None:
        self._by_tag: dict[int, Any] = {}
        self._next = 0
        self._first_of_menu = 0

    def begin_menu(self) -> None:
        """Keep the handlers of the last menu only, before those of a new one."""
        self._by_tag = {tag: handler for tag, handler in self._by_tag.items() if tag >= self._first_of_menu}
        self._first_of_menu = self._next

    def append(self, handler: Any) -> None:
        """Add a handler under the next tag."""
        self._by_tag[self._next] = handler
        self._next += 1

    def __len__(self) -> int:
        return self._next

    def __getitem__(self, tag: int) -> Any:
        return self._by_tag[tag]


class MacIcon(pystray.Icon):  # type: ignore[misc] # pystray has no types
    """pystray's icon, changed on the main thread only."""

    def __init__(self, name: str, on_click: Callable[[Action], None], on_quit: Callable[[], None]) -> None:
        """
        on_quit  unused: AppKit's loop ends with the process
        """
        del on_quit
        self._on_click = on_click
        self._handlers = Handlers()
        super().__init__(name)

    def show_picture(self, name: str, image: Image.Image) -> None:
        """Replace the picture. From any thread."""
        del name
        _on_main_thread(lambda: setattr(self, "icon", image))

    def show_menu(self, menu: Menu) -> None:
        """Replace the menu. From any thread."""
        converted = descriptors(menu, self._on_click)
        _on_main_thread(lambda: setattr(self, "menu", converted))

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call `callback` from AppKit's loop. From any thread."""
        _on_main_thread(callback)

    def show_notification(self, notification: Notification) -> None:
        """Show a notification, without buttons: only signed programs may have them. From any thread."""
        self.notify(notification.text, notification.title)

    def _update_menu(self) -> None:
        self._handlers.begin_menu()
        menu = self._create_menu(self.menu, self._handlers)
        self._status_item.setMenu_(menu)
        self._menu_handle = (menu, self._handlers) if menu else None


def _on_main_thread(callback: Callable[[], None]) -> None:
    from PyObjCTools import AppHelper  # type: ignore[import-not-found] # comes with pystray on macOS only

    AppHelper.callAfter(callback)
