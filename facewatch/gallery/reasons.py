"""Usual reasons and errors of facewatch, which are English, in the language of a page."""

from __future__ import annotations

import re
from functools import cache

from facewatch.gallery.texts import texts

PREFIX = "failure."
_BRACKET = re.compile(r"(?P<words>.*?)(?P<rest> \([^()]*\))", re.DOTALL)
_NAME = re.compile(r"\\\{(\w+)\\\}")


def reason_text(language: str, reason: str) -> str:
    """Return a reason in one of `texts.LANGUAGES`; the parts that have no translation stay English.

    The texts hold them under "failure." with the English words, in which {names} stand for what differs:
    "the {kind} file is damaged". Parts are separated by "; ".
    """
    if language == "en" or not reason:
        return reason
    return "; ".join(_part(language, part) for part in reason.split("; "))


def _part(language: str, part: str) -> str:
    known = texts(language)
    if f"{PREFIX}{part}" in known:
        return known[f"{PREFIX}{part}"]
    for pattern, key in _patterns(language):
        if match := pattern.fullmatch(part):
            return known[key].format(
                **{name: _part(language, value) for name, value in match.groupdict().items()}
            )
    if match := _BRACKET.fullmatch(part):
        return _part(language, match["words"]) + match["rest"]
    return part


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return the reasons with something that differs, the longest first."""
    keys = [key for key in texts(language) if key.startswith(PREFIX) and "{" in key]
    keys.sort(key=len, reverse=True)
    escaped = (_NAME.sub(r"(?P<\1>.+?)", re.escape(key.removeprefix(PREFIX))) for key in keys)
    return [(re.compile(text, re.DOTALL), key) for text, key in zip(escaped, keys, strict=True)]
