"""The icon on macOS: everything that AppKit shows is touched on the main thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pystray
from PIL import Image

from facewatch.tray.backends.descriptors import descriptors
from facewatch.tray.menu_items import Action, Menu


class Handlers:
    """Handlers by tag, those of the menu before too: it may still be open. Looks like a list to pystray."""

    def __init__(self) -> None:
        self._by_tag: dict[int, Any] = {}
        self._next = 0
        self._first_of_menu = 0

    def begin_menu(self) -> None:
        """A new menu follows; forget all but the last one."""
        self._by_tag = {tag: made for tag, made in self._by_tag.items() if tag >= self._first_of_menu}
        self._first_of_menu = self._next

    def append(self, handler: Any) -> None:
        """Give a handler the next tag."""
        self._by_tag[self._next] = handler
        self._next += 1

    def __len__(self) -> int:
        return self._next

    def __getitem__(self, tag: int) -> Any:
        return self._by_tag[tag]


class MacIcon(pystray.Icon):  # type: ignore[misc] # pystray has no types
    """pystray's icon, with changes handed to the main thread."""

    def __init__(self, name: str, on_click: Callable[[Action], None], on_end: Callable[[], None]) -> None:
        """on_end  unused: the loop of AppKit ends with the process"""
        del on_end
        self._on_click = on_click
        self._handlers = Handlers()
        super().__init__(name)

    def show_picture(self, name: str, image: Image.Image) -> None:
        """Show another icon. From any thread."""
        del name
        _on_main_thread(lambda: setattr(self, "icon", image))

    def show_menu(self, menu: Menu) -> None:
        """Show another menu. From any thread."""
        made = descriptors(menu, self._on_click)
        _on_main_thread(lambda: setattr(self, "menu", made))

    def soon(self, act: Callable[[], None]) -> None:
        """Have `act` done by AppKit's loop. From any thread."""
        _on_main_thread(act)

    def _update_menu(self) -> None:
        self._handlers.begin_menu()
        menu = self._create_menu(self.menu, self._handlers)
        self._status_item.setMenu_(menu)
        self._menu_handle = (menu, self._handlers) if menu else None


def _on_main_thread(act: Callable[[], None]) -> None:
    from PyObjCTools import AppHelper  # type: ignore[import-not-found] # comes with pystray on macOS only

    AppHelper.callAfter(act)
