"""Text for people: names of files and texts of models are text, never commands to a terminal."""

from __future__ import annotations

import unicodedata

LEFT_TO_RIGHT = "\u200e"
"""Put before a text that begins with a name in Arabic or Hebrew, what follows the name stays behind it."""
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
# Marks, embeddings, overrides and isolates, which can show a name's letters in another order.
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\t"]


def _written_out(characters: str) -> dict[int, str]:
    return str.maketrans({one: one.encode("unicode_escape").decode() for one in characters})


_ONE_LINE = _written_out("".join({*_CONTROLS, *_DIRECTIONS, *_LINE_ENDS}))
_PRINTABLE = {code: text for code, text in _ONE_LINE.items() if code != ord("\n")}


def one_line(text: str) -> str:
    """Return the text with its line ends, controls (ESC, C1) and changes of direction written out."""
    return text.translate(_ONE_LINE)


def printable(text: object) -> str:
    """Return the text as `one_line` does, but with its `\\n` kept."""
    return str(text).translate(_PRINTABLE)


def begins_right_to_left(text: str) -> bool:
    """Return True if the first letter is one of a script that is written from right to left."""
    return (
        next((kind for kind in map(unicodedata.bidirectional, text) if kind in {"L", "R", "AL"}), "L") != "L"
    )
