"""What a restored copy says about its making, found without reading the picture.

Plain data and bytes, so that the daemon can use it without Pillow. Every format but BMP holds its XMP packet
as plain text (ISO 16684-1, section 7; JPEG: part 3, section 1.1.3), so that a search through the bytes finds
what `faces.photo.xmp` wrote there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

STEP_BYTES = 1 << 18
REACH_BYTES = 1 << 12  # how far apart the parts of one statement may lie, whoever has written it anew

# As an attribute, as it is written here, or as an element, as other programs may write it.
_SOURCE, _RECIPE = (
    re.compile(rb"facewatch:" + name + rb"(?:\s*=\s*[\"']|>)([0-9a-f]{64})[\"'<]")
    for name in (b"source", b"recipe")
)


@dataclass(frozen=True)
class Origin:
    """What a copy was made from, and how."""

    source: str  # the SHA-256 of the photo's bytes
    recipe: str | None  # recipe.Recipe.key; None where the copy does not tell


def origin(stream: BinaryIO) -> Origin | None:
    """What a file's bytes say about their origin; None where they say nothing.

    Reads no further than it has to. Raises OSError.
    """
    kept = b""
    while step := stream.read(STEP_BYTES):
        window = kept + step
        found = _SOURCE.search(window)
        if found is None:
            kept = window[-REACH_BYTES:]
            continue
        around = window[max(0, found.start() - REACH_BYTES) :] + stream.read(REACH_BYTES)
        recipe = _RECIPE.search(around, 0, 2 * REACH_BYTES)
        return Origin(found[1].decode(), recipe[1].decode() if recipe else None)
    return None
