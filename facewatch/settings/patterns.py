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
_ALL, _SLASH, _NO_SLASH = (re.compile(one, re.DOTALL) for one in (".", "/", "[^/]"))
IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini", "@eadir"})
# Hidden names, which include ._*, .DS_Store, .stversions, .syncthing.* and our own .facewatch-*.
IGNORED_PREFIXES = (".", "~syncthing~")
IGNORED_SUFFIXES = (".part", ".crdownload", ".download", ".tmp", ".filepart")


class Pattern:
    """A pattern, matched in time that grows with the name's length, however many `*` it has.

    A regular expression would try every way to share a name among the stars. Here all of them are followed at
    once: bit n of a number says that the first n parts can match what was read so far.
    """

    def __init__(self, pattern: str) -> None:
        self._steps: list[re.Pattern[str] | None] = []  # the character that leads past each part, if one does
        self._stays: list[re.Pattern[str] | None] = []  # the characters that stay in it
        self._skips: dict[int, int] = {}  # part -> bits of the parts that may begin without a character
        for token in TOKENS.finditer(_normalize(pattern)):
            self._add(token)
        self._end = 1 << len(self._steps)
        self._by_character: dict[str, tuple[int, int]] = {}

    def fullmatch(self, text: str) -> bool:
        """Return True if the pattern matches the whole text."""
        parts = self._skip(1)
        for character in text:
            steps, stays = self._by_character.get(character) or self._learn(character)
            parts = self._skip((parts & steps) << 1 | parts & stays)
            if not parts:
                return False
        return bool(parts & self._end)

    def _add(self, token: re.Match[str]) -> None:
        at = len(self._steps)
        if token.lastgroup == "deep":  # nothing, or any text that ends in a slash
            self._steps += [None, _SLASH]
            self._stays += [None, _ALL]
            self._skips[at] = 0b110 << at
        elif token.lastgroup in {"any", "all"}:
            self._steps.append(None)
            self._stays.append(_ALL if token.lastgroup == "all" else _NO_SLASH)
            self._skips[at] = 0b10 << at
        else:
            self._steps.append(re.compile(_translate(token), re.IGNORECASE | re.DOTALL))
            self._stays.append(None)

    def _skip(self, parts: int) -> int:
        for part, following in self._skips.items():  # in order, so that stars in a row are all skipped
            if parts >> part & 1:
                parts |= following
        return parts

    def _learn(self, character: str) -> tuple[int, int]:
        masks = _mask(self._steps, character), _mask(self._stays, character)
        self._by_character[character] = masks
        return masks


def _mask(parts: list[re.Pattern[str] | None], character: str) -> int:
    return sum(1 << at for at, part in enumerate(parts) if part is not None and part.fullmatch(character))


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Pattern:
    """Return the pattern, ready to match. Raises BadSettings for an invalid one."""
    try:
        return Pattern(pattern)
    except re.error as error:
        raise BadSettings(f"the pattern {pattern!r} cannot be read: {error.msg}; check its [ ]") from error


def matches(patterns: Iterable[str], relative: str) -> bool:
    """Return True if any pattern matches a path below the watched folder, written with forward slashes."""
    name = relative.rpartition("/")[2]
    return any(
        compile_pattern(pattern).fullmatch(relative if "/" in pattern else name) for pattern in patterns
    )


def _normalize(pattern: str) -> str:
    if not pattern:
        raise BadSettings("a pattern is empty: leave it out, or write * for all")
    return (pattern + "**" if pattern.endswith("/") else pattern).removeprefix("/")


def _translate(token: re.Match[str]) -> str:
    match token.lastgroup:
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
