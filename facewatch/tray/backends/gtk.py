"""The icon on Linux: GTK's indicator or status icon, with a menu that is updated in place.

Rebuilding a menu gives every entry a new number on the bus, and a click on a menu that was open at that
moment is lost. So a widget lives as long as the key of its entry.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pystray
from gi.repository import GLib, Gtk
from PIL import Image

from facewatch.tray.backends.notifier import Notifier
from facewatch.tray.menu_items import Action, Item, Menu
from facewatch.tray.notifications import Notification


class GtkIcon(pystray.Icon):  # type: ignore[misc] # pystray has no types
    """pystray's GTK icon, with a menu, icon files and notifications of its own."""

    def __init__(self, name: str, on_click: Callable[[Action], None], on_quit: Callable[[], None]) -> None:
        """
        on_click  called in the main thread with the action of a click
        on_quit   called when the system asks this process to end
        """
        self._on_click = on_click
        self._on_quit = on_quit
        self._named_image: tuple[str, Image.Image] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="facewatch-tray-"))
        self._live_menu = LiveMenu(on_click)
        super().__init__(name)
        self._menu_handle = self._live_menu.widget

    def __call__(self) -> None:
        """Handle a click on the icon itself; an indicator opens its menu instead."""
        if self._live_menu.default_action is not None:
            self._on_click(self._live_menu.default_action)

    def show_picture(self, name: str, image: Image.Image) -> None:
        """Replace the picture; `name` is unique to it. From any thread."""
        self._named_image = name, image
        self.icon = image

    def show_menu(self, menu: Menu) -> None:
        """Replace the menu. From any thread."""
        GLib.idle_add(self._live_menu.update, menu)

    def show_notification(self, notification: Notification) -> None:
        """Show a notification. From any thread."""
        GLib.idle_add(self._notify, notification)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call `callback` from GTK's loop. From any thread."""
        GLib.idle_add(callback)  # once, since it returns nothing

    def _initialize(self) -> None:
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, self._on_quit)
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, self._on_quit)
        self._notifier = Notifier(self._on_click)
        self._mark_ready()

    def _notify(self, notification: Notification) -> None:
        self._notifier.show(notification, self._icon_path or "")  # the icon shown last, in its turn

    def _update_menu(self) -> None:
        """Do nothing: `show_menu` updates the menu."""

    def _update_fs_icon(self) -> None:
        assert self._named_image is not None
        name, image = self._named_image
        file = self._folder / f"{name}.png"
        if not file.exists():
            image.save(file)
        self._icon_path = str(file)
        self._icon_valid = True

    def _remove_fs_icon(self) -> None:
        """Keep the file: a panel may read it late, and the same picture returns."""
        self._icon_valid = False

    def _finalize(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class LiveMenu:
    """A Gtk.Menu that is updated from a Menu; for the main thread only."""

    def __init__(self, on_click: Callable[[Action], None]) -> None:
        self.widget = Gtk.Menu.new()
        self._on_click = on_click
        self._items: dict[Any, Item] = {}  # by widget
        self._updating = False
        self.default_action: Action | None = None

    def update(self, menu: Menu) -> bool:
        """Update the entries that differ. Returns False, so that GLib calls it once."""
        self._updating = True
        self.default_action = next((item.action for item in menu if item.default), None)
        try:
            self._update_level(self.widget, menu)
        finally:
            self._updating = False
        return False

    def _update_level(self, shell: Any, items: Menu) -> None:
        kept = {(item.key, item.kind) for item in items}
        for widget in shell.get_children():
            if self._identity(widget) not in kept:
                self._forget(widget)
                shell.remove(widget)
        for place, item in enumerate(items):
            widgets = shell.get_children()
            widget = widgets[place] if place < len(widgets) else None
            if widget is None or self._identity(widget) != (item.key, item.kind):
                widget = self._move_or_create(shell, item, widgets[place:], place)
            self._update_item(widget, item)

    def _move_or_create(self, shell: Any, item: Item, later: list[Any], place: int) -> Any:
        for widget in later:
            if self._identity(widget) == (item.key, item.kind):
                shell.remove(widget)  # reorder_child does not reach the panel
                shell.insert(widget, place)
                return widget
        widget = self._create(item)
        shell.insert(widget, place)
        widget.show()
        return widget

    def _create(self, item: Item) -> Any:
        if item.kind == "separator":
            widget = Gtk.SeparatorMenuItem.new()
        elif item.kind in ("radio", "tick"):
            widget = Gtk.CheckMenuItem.new_with_mnemonic(_without_access_key(item.text))
            widget.set_draw_as_radio(item.kind == "radio")
        else:
            widget = Gtk.MenuItem.new_with_mnemonic(_without_access_key(item.text))
        self._items[widget] = item
        if item.kind == "submenu":
            widget.set_submenu(Gtk.Menu.new())
        elif item.kind != "separator":
            widget.connect("activate", self._activated)
        return widget

    def _update_item(self, widget: Any, item: Item) -> None:
        self._items[widget] = item
        if item.kind == "separator":
            return
        text = _without_access_key(item.text)
        if widget.get_label() != text:
            widget.set_label(text)
        if item.kind in ("radio", "tick") and widget.get_active() != item.checked:
            widget.set_active(item.checked)
        if widget.get_sensitive() != item.enabled:
            widget.set_sensitive(item.enabled)
        if item.kind == "submenu":
            self._update_level(widget.get_submenu(), item.items)

    def _activated(self, widget: Any) -> None:
        if self._updating:
            return  # set_active() fires the same signal; that is no click
        item = self._items[widget]
        if item.kind in ("radio", "tick"):
            # GTK has already toggled the tick; it must change only when the setting has changed.
            self._updating = True
            try:
                widget.set_active(item.checked)
            finally:
                self._updating = False
        if item.action is not None:
            self._on_click(item.action)

    def _identity(self, widget: Any) -> tuple[str, str]:
        item = self._items[widget]
        return item.key, item.kind

    def _forget(self, widget: Any) -> None:
        submenu = widget.get_submenu() if isinstance(widget, Gtk.MenuItem) else None
        for inner in submenu.get_children() if submenu else ():
            self._forget(inner)
        del self._items[widget]


def _without_access_key(text: str) -> str:
    """Return a label whose underscores a panel shows, instead of underlining what follows them.

    A label without access keys is sent so when it is made, but not when it is changed.
    """
    return text.replace("_", "__")
