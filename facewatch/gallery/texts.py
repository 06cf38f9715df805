"""The texts of the gallery, one file a language; the browser's language decides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

LANGUAGES = ("en", "de", "fr")


@cache
def texts(language: str) -> Mapping[str, str]:
    """Return the texts of one of LANGUAGES by key; what a language lacks is in English."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(("en", language)):
        file = resources.files("facewatch.gallery").joinpath("texts", f"{name}.json")
        found |= json.loads(file.read_text("utf-8"))
    return found


def choose_language(accepted: str) -> str:
    """Return the one of LANGUAGES that a browser prefers.

    accepted  its Accept-Language header: "de-AT,de;q=0.9,en;q=0.5"
    """
    ranked = []
    for place, part in enumerate(accepted.split(",")):
        name, _, quality = part.strip().partition(";q=")
        try:
            rank = float(quality) if quality else 1.0
        except ValueError:
            rank = 0.0
        ranked.append((-rank, place, name.split("-")[0].lower()))
    return next((name for rank, _, name in sorted(ranked) if rank < 0 and name in LANGUAGES), "en")
