"""The names of sidecars: files beside a photo that describe it, in XMP or in JSON.

Google's exports cut a long name, count the photos of one name behind their suffix, and give an edited photo
no sidecar but its original's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_ENDINGS = (".xmp", ".XMP", ".Xmp", ".json", ".JSON", ".Json")
_GOOGLE = ".supplemental-metadata"
_GOOGLE_BYTES = 46  # of a name before ".json"
_NUMBER = re.compile(r"\(\d+\)$")
_EDITED = "-edited"
_PARTS = re.compile(r"(?P<photo>.+?)(?P<google>\.s[a-z-]*)?(?P<number>\(\d+\))?\.(?:json|xmp)", re.DOTALL)


class Sidecar(NamedTuple):
    """One name that a photo's sidecar may have."""

    name: str
    whole: bool  # it is named after the photo's whole name, not only after its stem
    ending: str  # of the name of its copy


def names_of(photo: str) -> Iterator[Sidecar]:
    """Yield the names that sidecars of a photo may have, the most usual first.

    photo  a file's name
    """
    stem, dot, suffix = photo.rpartition(".")
    if not dot:
        stem, suffix = photo, ""
    for ending in _ENDINGS:
        yield Sidecar(photo + ending, True, ending)
        yield Sidecar(stem + ending, False, ending)
    number = _NUMBER.search(stem)
    counted = number[0] if number else ""
    plain = stem.removesuffix(counted) if counted else stem
    for base in dict.fromkeys((plain, plain.removesuffix(_EDITED))):
        name = f"{base}{dot}{suffix}"
        yield Sidecar(f"{(name + _GOOGLE)[:_GOOGLE_BYTES]}{counted}.json", True, f"{_GOOGLE}.json")
        yield Sidecar(f"{name}{_GOOGLE}{counted}.json", True, f"{_GOOGLE}.json")
        yield Sidecar(f"{name[:_GOOGLE_BYTES]}{counted}.json", True, ".json")


def photos_of(name: str) -> Iterator[str]:
    """Yield the names, with or without their suffix, of the photos whose sidecar a file may be.

    name  in small letters; nothing is yielded for a file that is no sidecar
    """
    found = _PARTS.fullmatch(name)
    if found is None:
        return
    yield name.rpartition(".")[0]
    photo, google, number = found["photo"], found["google"] or "", found["number"] or ""
    if not _GOOGLE.startswith(google):
        photo += google
    stem, dot, suffix = photo.rpartition(".")
    yield f"{stem}{number}{dot}{suffix}"
    yield f"{stem}{_EDITED}{number}{dot}{suffix}"
    yield photo
