"""Names and messages in text that rich prints."""

from __future__ import annotations

from rich.markup import escape as escape_markup

from facewatch.system.text import printable


def escape(text: str) -> str:
    """Return the text without rich's markup and without a terminal's commands."""
    return escape_markup(printable(text))
