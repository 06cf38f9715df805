"""The tray icon of the backend for this desktop, updated from the app's thread."""

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


class BackendTrayIcon:
    """The app's TrayIcon; every method but `run` may be called from any thread."""

    def __init__(self, icon: Any) -> None:
        self._icon = icon
        self._picture: Picture | None = None
        self._error: BaseException | None = None

    def run(self, run_app: Callable[[], None]) -> None:
        """Show the icon while `run_app` runs in a thread of its own; the main thread only.

        Raises the error that `run_app` raised.
        """

        def in_thread(_: Any) -> None:
            try:
                run_app()
            except BaseException as error:  # noqa: BLE001 - it is raised again in the main thread
                self._error = error
            finally:
                self._icon.stop()

        self._icon.run(in_thread)
        if self._error is not None:
            raise self._error

    def show(self, picture: Picture, title: str, menu: Menu) -> None:
        """Show a picture, its tooltip and its menu."""
        self._icon.show_menu(menu)
        self._icon.title = title
        if picture != self._picture:
            self._icon.show_picture(picture.name, draw(picture))
            self._picture = picture
        self._icon.visible = True

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call `callback` from the loop that shows the icon and receives the clicks."""
        self._icon.call_soon(callback)

    def notify(self, notification: Notification) -> None:
        """Show a notification."""
        self._icon.show_notification(notification)


def create(
    backend: Backend, on_click: Callable[[Action], None], on_quit: Callable[[], None]
) -> BackendTrayIcon:
    """Return a backend's icon, not shown yet; it calls `on_click` and `on_quit` in the main thread."""
    if sys.platform == "win32":
        from facewatch.tray.backends.windows import WindowsIcon

        return BackendTrayIcon(WindowsIcon(NAME, on_click, on_quit))
    if sys.platform == "darwin":
        from facewatch.tray.backends.macos import MacIcon

        return BackendTrayIcon(MacIcon(NAME, on_click, on_quit))
    os.environ["PYSTRAY_BACKEND"] = backend  # read when pystray is imported; its own choice may lack menus
    from facewatch.tray.backends.gtk import GtkIcon

    return BackendTrayIcon(GtkIcon(NAME, on_click, on_quit))
