"""Names and messages in text that is printed: never commands to a terminal."""

from __future__ import annotations

import sys
from typing import TextIO

from rich.markup import escape as escape_markup

from facewatch.system.text import one_line, printable


def escape(text: str) -> str:
    """Return the text without rich's markup and without a terminal's commands."""
    return escape_markup(printable(text))


def escape_path(path: object) -> str:
    """Return a path as `escape` does, on one line: a name's line end cannot begin a line of its own."""
    return escape_markup(one_line(str(path)))


def say(text: object, *, stream: TextIO | None = None) -> None:
    """Print a text with its controls and changes of direction written out, and its line ends kept.

    stream  None: standard output
    """
    print(printable(text), file=stream or sys.stdout)


def say_path(path: object) -> None:
    """Print a path for another program unchanged, for a terminal written out on one line."""
    print(one_line(str(path)) if sys.stdout.isatty() else path)
