"""Our menu as pystray's, for the backends that build their menus from it."""

from __future__ import annotations

from collections.abc import Callable

import pystray

from facewatch.tray.menu_items import Action, Item, Menu


def descriptors(
    menu: Menu, on_click: Callable[[Action], None], written: Callable[[str], str] = str
) -> pystray.Menu:
    """A pystray.Menu; `written` turns a text into what the platform shows as that text."""
    return pystray.Menu(*(_descriptor(item, on_click, written) for item in menu))


def _descriptor(
    item: Item, on_click: Callable[[Action], None], written: Callable[[str], str]
) -> pystray.MenuItem:
    if item.kind == "separator":
        return pystray.Menu.SEPARATOR
    if item.items:
        return pystray.MenuItem(written(item.text), descriptors(item.items, on_click, written))
    action = item.action

    def clicked() -> None:
        if action is not None:
            on_click(action)

    return pystray.MenuItem(
        written(item.text),
        clicked,
        checked=(lambda _: item.checked) if item.kind in ("radio", "tick") else None,
        radio=item.kind == "radio",
        enabled=item.enabled,
    )
