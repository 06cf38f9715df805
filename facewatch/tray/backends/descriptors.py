"""Conversion of a menu to pystray's descriptors, for the backends that use pystray's menus."""

from __future__ import annotations

from collections.abc import Callable

import pystray

from facewatch.tray.menu_items import Action, Item, Menu


def descriptors(
    menu: Menu, on_click: Callable[[Action], None], escape: Callable[[str], str] = str
) -> pystray.Menu:
    """Return a pystray.Menu; `escape` escapes the texts as the platform needs it."""
    return pystray.Menu(*(_descriptor(item, on_click, escape) for item in menu))


def _descriptor(
    item: Item, on_click: Callable[[Action], None], escape: Callable[[str], str]
) -> pystray.MenuItem:
    if item.kind == "separator":
        return pystray.Menu.SEPARATOR
    if item.items:
        return pystray.MenuItem(escape(item.text), descriptors(item.items, on_click, escape))
    action = item.action

    def clicked() -> None:
        if action is not None:
            on_click(action)

    return pystray.MenuItem(
        escape(item.text),
        clicked,
        checked=(lambda _: item.checked) if item.kind in ("radio", "tick") else None,
        radio=item.kind == "radio",
        enabled=item.enabled,
        default=item.default,
    )
