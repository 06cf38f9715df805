"""Menu entries and their actions as plain data, for every backend and for tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from facewatch.state.requests import Request
from facewatch.system.text import LEFT_TO_RIGHT, begins_right_to_left, one_line
from facewatch.tray.translations import translate

Kind = Literal["line", "click", "radio", "tick", "submenu", "separator"]


@dataclass(frozen=True)
class Item:
    """One menu entry.

    key  identifies the entry among its siblings while it means the same thing: a backend updates the entry
         of this key in place, so that a click under way still finds it
    """

    key: str
    kind: Kind
    text: str = ""
    action: Action | None = None
    checked: bool = False
    enabled: bool = True
    items: tuple[Item, ...] = field(default=())
    default: bool = False  # run by a click on the icon itself, where the desktop tells of it

    def __post_init__(self) -> None:
        text = translate(one_line(self.text))  # names and models' texts are text
        object.__setattr__(self, "text", f"{LEFT_TO_RIGHT}{text}" if begins_right_to_left(text) else text)


Menu = tuple[Item, ...]


def line(key: str, text: str) -> Item:
    """Return a disabled line of text."""
    return Item(key, "line", text, enabled=False)


def click(key: str, text: str, action: Action, *, enabled: bool = True) -> Item:
    """Return an entry that runs an action."""
    return Item(key, "click", text, action, enabled=enabled)


def radio(key: str, text: str, action: Action, *, checked: bool) -> Item:
    """Return one option of several, exactly one of which is checked."""
    return Item(key, "radio", text, action, checked=checked)


def tick(key: str, text: str, action: Action, *, checked: bool) -> Item:
    """Return an option that is on or off."""
    return Item(key, "tick", text, action, checked=checked)


def submenu(key: str, text: str, items: Iterable[Item]) -> Item:
    """Return a submenu; disabled if it is empty."""
    inner = tuple(items)
    return Item(key, "submenu", text, items=inner, enabled=bool(inner))


def separator(key: str) -> Item:
    """Return a separator between two groups."""
    return Item(key, "separator")


@dataclass(frozen=True)
class ChangeSetting:
    """Write one setting."""

    key: str  # dotted
    value: str | float | bool


@dataclass(frozen=True)
class Pause:
    """Pause before the next photo; "no longer" resumes."""

    duration: Literal["until resumed", "for 1 hour", "until tomorrow", "no longer"]


@dataclass(frozen=True)
class Open:
    """Open a file, a folder or a web address with the desktop's default program."""

    target: str


@dataclass(frozen=True)
class OpenOwn:
    """Open the settings file or the log."""

    what: Literal["config", "log"]


@dataclass(frozen=True)
class OpenGallery:
    """Open a page of the gallery in the browser, or one photo, before and after."""

    page: Literal["photos", "problems"] = "photos"
    photo: Path | None = None


@dataclass(frozen=True)
class ShowInFolder:
    """Show a file in its folder."""

    file: Path


@dataclass(frozen=True)
class SendRequest:
    """Send a request to the daemon."""

    request: Request


@dataclass(frozen=True)
class AcceptLicence:
    """Accept the licence of a model."""

    model: str


@dataclass(frozen=True)
class StartAtLogin:
    """Turn start at login on or off."""

    enabled: bool


@dataclass(frozen=True)
class StartDaemon:
    """Start the daemon."""


@dataclass(frozen=True)
class Quit:
    """End the daemon and the tray."""


Action = (
    ChangeSetting
    | Pause
    | Open
    | OpenOwn
    | OpenGallery
    | ShowInFolder
    | SendRequest
    | AcceptLicence
    | StartAtLogin
    | StartDaemon
    | Quit
)
