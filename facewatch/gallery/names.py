"""Names of dropped files: those are kept, but for the few that a folder cannot or should not hold."""

from __future__ import annotations

import os
import re
import unicodedata

from facewatch.settings.patterns import is_ignored

MOST_BYTES = 255  # of one name, on every usual file system
TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of the text after them, so that a name reads as another one."""
_JOINERS = frozenset("\u200c\u200d\u200e\u200f")  # in Persian names, family emoji, names from phones
_ON_WINDOWS = frozenset('\\:*?"<>|')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?", re.IGNORECASE)


def fault_of(part: str, *, windows: bool = os.name == "nt") -> str:
    """Return why a file or folder of this name is not taken, for people; empty if it is.

    part     one part of a path
    windows  the rules of Windows; other systems take all that they can hold
    """
    kinds = {unicodedata.category(letter) for letter in part if letter not in _JOINERS}
    too_long = len(os.fsencode(part)) > MOST_BYTES
    faults = (
        (part in {"", ".", ".."} or "/" in part, "its name leads to another folder; rename it"),
        (is_ignored(part), "hidden and temporary files are not restored; rename it"),
        (bool(TURNS & set(part)), "its name has characters that turn the direction of writing; rename it"),
        (any(kind[0] == "C" for kind in kinds), "its name has control characters; rename it"),
        (bool(kinds & {"Zl", "Zp"}), "its name has line breaks; rename it"),
        (too_long, f"its name is longer than {MOST_BYTES} bytes; shorten it"),
        (windows and _refused_by_windows(part), "Windows does not allow its name; rename it"),
    )
    return next((words for holds, words in faults if holds), "")


def _refused_by_windows(part: str) -> bool:
    return bool(set(part) & _ON_WINDOWS or _DEVICE.fullmatch(part) or part[-1:] in {".", " "})
