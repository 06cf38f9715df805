"""What a click asks for: plain data, carried out by the app."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facewatch.state.requests import Request


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
class Contrast:
    """Open a page with the original and its restored copy, before and after."""

    original: Path
    restored: Path


@dataclass(frozen=True)
class Ask:
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


Action = Choose | Pause | Open | Show | Contrast | Ask | Accept | Login | StartDaemon | Quit
