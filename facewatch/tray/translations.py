"""The words of the menu and the notifications in the user's language.

The English texts are the keys. A text that is not in the list is looked up part by part, between commas and
semicolons, so that what is joined from parts needs no line of its own; a part without a line stays English.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from facewatch.system.language import system_language

LANGUAGES = ("en", "de", "fr")
NUMBERS = frozenset({"count", "done", "total"})
"""Placeholders that stand for a whole number; others for any text."""
PHRASES = frozenset({"state", "weight", "time", "progress", "text", "model"})
"""Placeholders whose text is translated too; others are names."""
_PLACE = re.compile(r"\{(\w+)\}")
_JOINTS = re.compile(r"(, |; |\. )")


class Translator:
    """Translates texts into one language."""

    def __init__(self, lines: Mapping[str, str]) -> None:
        """
        lines  English text -> own text, with the same placeholders
        """
        self._whole = {english: own for english, own in lines.items() if "{" not in english}
        self._patterns = [(_compiled(english), own) for english, own in lines.items() if "{" in english]

    def translate(self, text: str) -> str:
        """Return the text in this language, as far as it has lines for it."""
        if (own := self._look_up(text)) is not None:
            return own
        pieces = _JOINTS.split(text)
        if len(pieces) == 1:
            return text
        return "".join(piece if it % 2 else self._look_up(piece) or piece for it, piece in enumerate(pieces))

    def _look_up(self, text: str) -> str | None:
        """Return the translation of a text, whose first letter may be a capital one."""
        if (own := self._line_of(text)) is not None:
            return own
        lower = text[:1].lower() + text[1:]
        own = self._line_of(lower) if lower != text else None
        return None if own is None else own[:1].upper() + own[1:]

    def _line_of(self, text: str) -> str | None:
        if text in self._whole:
            return self._whole[text]
        for english, own in self._patterns:
            if found := english.fullmatch(text):
                values = found.groupdict().items()
                return own.format(**{key: self.translate(it) if key in PHRASES else it for key, it in values})
        return None


@cache
def translator(language: str) -> Translator:
    """Return the translator into a language; one without a list leaves all texts English."""
    if language not in LANGUAGES or language == "en":
        return Translator({})
    file = resources.files("facewatch.tray").joinpath("texts", f"{language}.json")
    return Translator(json.loads(file.read_text("utf-8")))


def translate(text: str) -> str:
    """Return a text of the menu or of a notification in the language of the system."""
    return translator(_language()).translate(text)


@cache
def _language() -> str:
    return system_language()


def _compiled(english: str) -> re.Pattern[str]:
    pieces = _PLACE.split(english)
    groups = [rf"(?P<{name}>\d+)" if name in NUMBERS else rf"(?P<{name}>.+)" for name in pieces[1::2]]
    texts = map(re.escape, pieces[::2])
    return re.compile("".join(text + group for text, group in zip(texts, [*groups, ""], strict=True)))
