"""Patterns for the names of photos in the settings, and names that are always ignored.

`*` and `?` stay within one folder, `**` crosses folders, `[abc]`, `[a-z]` and `[!a-z]` are sets; case does
not matter. A pattern with a slash is matched with the path below the watched folder, one without with the
name alone; `private/` matches everything in that folder.
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
IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini", "@eadir"})
# Hidden names, which include ._*, .DS_Store, .stversions, .syncthing.* and our own .facewatch-*.
IGNORED_PREFIXES = (".", "~syncthing~")
IGNORED_SUFFIXES = (".part", ".crdownload", ".download", ".tmp", ".filepart")


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the pattern as a regular expression. Raises BadSettings for an invalid one."""
    try:
        return re.compile(
            "".join(map(_translate, TOKENS.finditer(_normalize(pattern)))), re.IGNORECASE | re.DOTALL
        )
    except re.error as error:
        raise BadSettings(f"the pattern {pattern!r} cannot be read: {error.msg}; check its [ ]") from error


def matches(patterns: Iterable[str], relative: str) -> bool:
    """Return True if any pattern matches a path below the watched folder, written with forward slashes."""
    name = relative.rpartition("/")[2]
    return any(
        compile_pattern(pattern).fullmatch(relative if "/" in pattern else name) is not None
        for pattern in patterns
    )


def _normalize(pattern: str) -> str:
    if not pattern:
        raise BadSettings("a pattern is empty: leave it out, or write * for all")
    return (pattern + "**" if pattern.endswith("/") else pattern).removeprefix("/")


def _translate(token: re.Match[str]) -> str:
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
            members = re.sub(r"[\\\[\]^&~|]", r"\\\g<0>", token["set"])
            return f"(?!/)[{'^' if token['not'] else ''}{members}]"
        case _:
            return re.escape(token[0])


def is_ignored(name: str) -> bool:
    """Return True if a file or folder of this name (one part of a path) is ignored; case does not matter."""
    lowered = name.lower()
    return (
        lowered.startswith(IGNORED_PREFIXES) or lowered in IGNORED_NAMES or lowered.endswith(IGNORED_SUFFIXES)
    )
