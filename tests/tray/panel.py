"""A panel without a display: registers indicators, reads and clicks their menus, receives notifications.

Runs as a separate process; each line on standard input is a JSON list, each answer a JSON line.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from gi.repository import Gio, GLib

WATCHER = "org.kde.StatusNotifierWatcher"
BUBBLES = "org.freedesktop.Notifications"
MENU = "com.canonical.dbusmenu"
XML = f"""<node>
<interface name="{WATCHER}">
  <method name="RegisterStatusNotifierItem"><arg type="s" direction="in"/></method>
  <method name="RegisterStatusNotifierHost"><arg type="s" direction="in"/></method>
  <property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
  <property name="ProtocolVersion" type="i" access="read"/>
  <property name="RegisteredStatusNotifierItems" type="as" access="read"/>
  <signal name="StatusNotifierItemRegistered"><arg type="s"/></signal>
</interface>
<interface name="{BUBBLES}">
  <method name="Notify">
    <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
    <arg type="a{{sv}}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
  </method>
  <method name="GetCapabilities"><arg type="as" direction="out"/></method>
  <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
</interface>
</node>"""


class Panel:
    def __init__(self) -> None:
        self.items: list[tuple[str, str]] = []
        self.notified: list[tuple[str, str]] = []
        self.buttons: list[list[str]] = []  # of each notification: key and label in turn
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
        watcher, bubbles = Gio.DBusNodeInfo.new_for_xml(XML).interfaces
        self.bus.register_object("/StatusNotifierWatcher", watcher, self.called, self.read, None)
        self.bus.register_object("/org/freedesktop/Notifications", bubbles, self.called, None, None)

    def own(self, name: str) -> None:
        Gio.bus_own_name_on_connection(self.bus, name, Gio.BusNameOwnerFlags.NONE, None, None)

    def called(self, _bus, sender, _path, _interface, method, values, invocation) -> None:
        values = values.unpack()
        if method == "RegisterStatusNotifierItem":
            self.items.append((sender, values[0] if values[0].startswith("/") else "/StatusNotifierItem"))
            self.bus.emit_signal(
                None, "/StatusNotifierWatcher", WATCHER, "StatusNotifierItemRegistered",
                GLib.Variant("(s)", (sender,)),
            )  # fmt: skip
        elif method == "Notify":
            self.notified.append((values[3], values[4]))
            self.buttons.append(values[5])
        elif method == "GetCapabilities":
            invocation.return_value(GLib.Variant("(as)", (["body", "body-markup", "actions"],)))
            return
        number = GLib.Variant("(u)", (len(self.notified),))
        invocation.return_value(number if method == "Notify" else None)

    def read(self, _bus, _sender, _path, _interface, name) -> Any:
        return {
            "IsStatusNotifierHostRegistered": GLib.Variant("b", True),
            "ProtocolVersion": GLib.Variant("i", 0),
            "RegisteredStatusNotifierItems": GLib.Variant("as", ["".join(item) for item in self.items]),
        }[name]

    def call(self, path: str, interface: str, method: str, values: Any) -> Any:
        sender = self.items[-1][0]
        return self.bus.call_sync(sender, path, interface, method, values, None, 0, 5000, None).unpack()

    def properties(self) -> dict[str, Any]:
        values = GLib.Variant("(s)", ("org.kde.StatusNotifierItem",))
        return self.call(self.items[-1][1], "org.freedesktop.DBus.Properties", "GetAll", values)[0]

    def tree(self) -> list[dict[str, Any]]:
        path = self.properties()["Menu"]
        self.call(path, MENU, "AboutToShow", GLib.Variant("(i)", (0,)))
        root = self.call(path, MENU, "GetLayout", GLib.Variant("(iias)", (0, -1, [])))[1]
        return [entry(child) for child in root[2]]

    def click(self, number: int) -> None:
        values = GLib.Variant("(isvu)", (number, "clicked", GLib.Variant("s", ""), 0))
        self.call(self.properties()["Menu"], MENU, "Event", values)

    def press(self, label: str) -> None:
        """Press a button of the last notification; "" clicks on its text."""
        keys = dict(zip(self.buttons[-1][1::2], self.buttons[-1][::2], strict=True))
        values = GLib.Variant("(us)", (len(self.notified), keys[label] if label else "default"))
        self.bus.emit_signal(None, "/org/freedesktop/Notifications", BUBBLES, "ActionInvoked", values)

    def answer(self, request: list[Any]) -> Any:
        name, *rest = request
        if name == "items":
            return len(self.items)
        if name == "notified":
            return self.notified
        if name == "buttons":
            return self.buttons
        if name == "own":
            return self.own(*rest)
        if name == "press":
            return self.press(*rest)
        return {"properties": self.properties, "tree": self.tree, "click": self.click}[name](*rest)


def entry(node: Any) -> dict[str, Any]:
    number, properties, children = node
    return {
        "id": number,
        # As panels show it: an underscore marks the access key that follows, and a real one is doubled.
        "text": re.sub("_(.?)", r"\1", properties.get("label", "")),
        "separator": properties.get("type") == "separator",
        "toggle": properties.get("toggle-type", ""),
        "on": properties.get("toggle-state", 0) == 1,
        "enabled": properties.get("enabled", True),
        "items": [entry(child) for child in children],
    }


def main() -> None:
    panel, loop = Panel(), GLib.MainLoop()

    def on_input(_channel: Any, _condition: Any) -> bool:
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        try:
            answer = {"answer": panel.answer(json.loads(line))}
        except Exception as error:  # noqa: BLE001 - reported to the test
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
        return True

    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, on_input)
    loop.run()


if __name__ == "__main__":
    main()
