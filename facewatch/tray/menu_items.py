"""A menu as plain data, for any backend and for tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from facewatch.tray.actions import Action

Kind = Literal["line", "click", "radio", "tick", "submenu", "separator"]


@dataclass(frozen=True)
class Item:
    """One entry.

    key  names the entry among its neighbours for as long as it means the same thing: a backend changes the
         entry of this key in place, so that a click that is under way still finds it
    """

    key: str
    kind: Kind
    text: str = ""
    action: Action | None = None
    checked: bool = False
    enabled: bool = True
    items: tuple[Item, ...] = field(default=())


Menu = tuple[Item, ...]


def line(key: str, text: str) -> Item:
    """A line to read."""
    return Item(key, "line", text, enabled=False)


def click(key: str, text: str, action: Action, *, enabled: bool = True) -> Item:
    """Something to do."""
    return Item(key, "click", text, action, enabled=enabled)


def radio(key: str, text: str, action: Action, *, checked: bool) -> Item:
    """One of several, of which exactly one holds."""
    return Item(key, "radio", text, action, checked=checked)


def tick(key: str, text: str, action: Action, *, checked: bool) -> Item:
    """Something that is so or not."""
    return Item(key, "tick", text, action, checked=checked)


def submenu(key: str, text: str, items: Iterable[Item]) -> Item:
    """More entries behind one; greyed when there are none."""
    inner = tuple(items)
    return Item(key, "submenu", text, items=inner, enabled=bool(inner))


def separator(key: str) -> Item:
    """A rule between two groups."""
    return Item(key, "separator")
