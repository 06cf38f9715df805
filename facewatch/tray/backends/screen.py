"""The screen: one icon of the backend that works here, shown and changed from the app's thread."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from facewatch.tray.detect import Backend
from facewatch.tray.icon import Picture, draw
from facewatch.tray.menu_items import Action, Menu
from facewatch.tray.notifications import Notification

NAME = "facewatch"


class IconScreen:
    """What the app sees of the icon; every method but `run` may be called from any thread."""

    def __init__(self, icon: Any) -> None:
        self._icon = icon
        self._picture: Picture | None = None
        self._error: BaseException | None = None

    def run(self, live: Callable[[], None]) -> None:
        """Show the icon until `live` returns, which runs in a thread of its own; the main thread only.

        Raises what `live` raised.
        """

        def beside(_: Any) -> None:
            try:
                live()
            except BaseException as error:  # noqa: BLE001 - it is raised again in the main thread
                self._error = error
            finally:
                self._icon.stop()

        self._icon.run(beside)
        if self._error is not None:
            raise self._error

    def show(self, picture: Picture, title: str, menu: Menu) -> None:
        """Show an icon, its tooltip and its menu."""
        self._icon.show_menu(menu)
        self._icon.title = title
        if picture != self._picture:
            self._icon.show_picture(picture.name, draw(picture))
            self._picture = picture
        self._icon.visible = True

    def soon(self, act: Callable[[], None]) -> None:
        """Have `act` done by the loop that shows the icon and hears the clicks."""
        self._icon.soon(act)

    def notify(self, notice: Notification) -> None:
        """Send a notification."""
        self._icon.notify(notice.text, notice.title)


def make(backend: Backend, on_click: Callable[[Action], None], on_end: Callable[[], None]) -> IconScreen:
    """The screen of a backend, not shown yet; `on_click` and `on_end` are called in the main thread."""
    if sys.platform == "win32":
        from facewatch.tray.backends.windows import WindowsIcon

        return IconScreen(WindowsIcon(NAME, on_click, on_end))
    if sys.platform == "darwin":
        from facewatch.tray.backends.macos import MacIcon

        return IconScreen(MacIcon(NAME, on_click, on_end))
    os.environ["PYSTRAY_BACKEND"] = backend  # read when pystray is imported; its own choice may have no menu
    from facewatch.tray.backends.gtk import GtkIcon

    return IconScreen(GtkIcon(NAME, on_click, on_end))
