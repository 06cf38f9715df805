"""Notifications over the session bus, with buttons where the desktop's notifier has them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from gi.repository import Gio, GLib

from facewatch.tray.menu_items import Action
from facewatch.tray.notifications import Notification

log = logging.getLogger(__name__)

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
TIMEOUT_MS = 5000
DEFAULT = "default"  # the key of a click on the notification itself
REMEMBERED = 20  # notifications whose buttons still work


class Notifier:
    """Sends notifications without waiting: a slow or missing service must not block the menu.

    For the main thread only.
    """

    def __init__(self, on_click: Callable[[Action], None]) -> None:
        """
        on_click  called with the action of a button, or of a click on a notification
        """
        self._on_click = on_click
        self._actions: dict[int, dict[str, Action]] = {}  # by notification
        self._bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
        flags = Gio.DBusSignalFlags.NONE
        self._bus.signal_subscribe(None, NAME, "ActionInvoked", PATH, None, flags, self._invoked)

    def show(self, notification: Notification, icon: str) -> None:
        """Send a notification; nothing happens without a service.

        icon  path of its picture; may be empty
        """

        def send(capabilities: list[str]) -> None:
            values, actions = message(notification, icon, capabilities)
            self._call("Notify", values, lambda reply: self._remember(reply[0], actions))

        self._call("GetCapabilities", None, lambda reply: send(reply[0]), lambda: send([]))

    def hide(self) -> None:
        """Do nothing: notifications stay until the desktop removes them."""

    def _call(
        self,
        method: str,
        values: Any,
        then: Callable[[Any], None],
        otherwise: Callable[[], None] = lambda: None,
    ) -> None:
        def finished(bus: Any, result: Any) -> None:
            try:
                reply = bus.call_finish(result).unpack()
            except GLib.Error as error:
                log.info("the notification service does not answer %s: %s", method, error.message)
                otherwise()
            else:
                then(reply)

        flags = Gio.DBusCallFlags.NONE
        self._bus.call(NAME, PATH, NAME, method, values, None, flags, TIMEOUT_MS, None, finished)

    def _remember(self, number: int, actions: dict[str, Action]) -> None:
        self._actions[number] = actions
        for old in list(self._actions)[:-REMEMBERED]:
            del self._actions[old]

    def _invoked(self, _bus: Any, _sender: Any, _path: Any, _name: Any, _signal: Any, values: Any) -> None:
        number, key = values.unpack()
        action = self._actions.get(number, {}).get(key)
        if action is not None:
            self._on_click(action)


def message(notification: Notification, icon: str, capabilities: list[str]) -> tuple[Any, dict[str, Action]]:
    """Return the arguments of the service's Notify, and the action of each key in them.

    capabilities  of the service; empty if it does not tell
    """
    keys: list[str] = []
    actions: dict[str, Action] = {}
    if notification.actions and "actions" in capabilities:
        # A label would make Xfce's notifier show the first button twice.
        keys, actions = [DEFAULT, ""], {DEFAULT: notification.actions[0][1]}
        for number, (label, action) in enumerate(notification.actions):
            keys += [str(number), label]
            actions[str(number)] = action
    plain = bool(capabilities) and "body-markup" not in capabilities
    text = notification.text if plain else GLib.markup_escape_text(notification.text)
    arguments: tuple[Any, ...] = ("Facewatch", 0, icon, notification.title, text, keys, {}, -1)
    return GLib.Variant("(susssasa{sv}i)", arguments), actions
