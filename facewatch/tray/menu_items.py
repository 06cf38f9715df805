"""A menu as plain data, for any backend and for tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from facewatch.state.requests import Request

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


@dataclass(frozen=True)
class Choose:
    """Write one setting: its dotted key and its value."""

    key: str
    value: str | float | bool


@dataclass(frozen=True)
class Pause:
    """Start no further photo for so long; "no longer" resumes."""

    how_long: Literal["until resumed", "for 1 hour", "until tomorrow", "no longer"]


@dataclass(frozen=True)
class Open:
    """Open a file, a folder or a web address with the program that the desktop has for it."""

    target: str


@dataclass(frozen=True)
class Show:
    """Show a file in its folder."""

    file: Path


@dataclass(frozen=True)
class ShowBeforeAfter:
    """Open a page with the original and its restored copy, before and after."""

    original: Path
    restored: Path


@dataclass(frozen=True)
class LeaveRequest:
    """Leave a request for the daemon."""

    request: Request


@dataclass(frozen=True)
class Accept:
    """Accept the licence of a model."""

    model: str


@dataclass(frozen=True)
class Login:
    """Start at login, or no longer."""

    wanted: bool


@dataclass(frozen=True)
class StartDaemon:
    """Start the daemon that is not running."""


@dataclass(frozen=True)
class Quit:
    """End the daemon and the tray."""


Action = Choose | Pause | Open | Show | ShowBeforeAfter | LeaveRequest | Accept | Login | StartDaemon | Quit
