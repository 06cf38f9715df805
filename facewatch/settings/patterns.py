"""Patterns for the names of photos, as the settings hold them.

`*` and `?` stay within one folder, `**` crosses folders, `[abc]`, `[a-z]` and `[!a-z]` are sets; case does
not matter. A pattern with a slash is held against the path below the watched folder, one without against the
name alone; `private/` means all that lies in that folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from facewatch.errors import BadSettings

TOKENS = re.compile(
    r"(?P<deep>\*\*/)|(?P<all>\*\*)|(?P<any>\*)|(?P<one>\?)|\[(?P<not>!?)(?P<set>\]?[^\]]*)\]|(?P<text>.)",
    re.DOTALL,
)


NAMES = frozenset({"thumbs.db", "desktop.ini", "@eadir"})
# Hidden names, and with them ._*, .DS_Store, .stversions, .syncthing.* and our own .facewatch-*.
BEGINNINGS = (".", "~syncthing~")
ENDINGS = (".part", ".crdownload", ".download", ".tmp", ".filepart")


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression. Raises BadSettings for one that means nothing."""
    try:
        return re.compile("".join(map(_piece, TOKENS.finditer(_whole(pattern)))), re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise BadSettings(f"the pattern {pattern!r} cannot be read: {error.msg}; look at its [ ]") from error


def matches(patterns: Iterable[str], relative: str) -> bool:
    """Whether any pattern fits a path below the watched folder, written with forward slashes."""
    name = relative.rpartition("/")[2]
    return any(
        compiled(pattern).fullmatch(relative if "/" in pattern else name) is not None for pattern in patterns
    )


def _whole(pattern: str) -> str:
    if not pattern:
        raise BadSettings("a pattern is empty: leave it out, or write * for all")
    return (pattern + "**" if pattern.endswith("/") else pattern).removeprefix("/")


def _piece(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "deep":
            return "(?:.*/)?"
        case "all":
            return ".*"
        case "any":
            return "[^/]*"
        case "one":
            return "[^/]"
        case "set":
            inside = re.sub(r"[\\\[\]^&~|]", r"\\\g<0>", token["set"])
            return f"(?!/)[{'^' if token['not'] else ''}{inside}]"
        case _:
            return re.escape(token[0])


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name (one part of a path) is left alone; case does not matter."""
    lowered = name.lower()
    return lowered.startswith(BEGINNINGS) or lowered in NAMES or lowered.endswith(ENDINGS)
