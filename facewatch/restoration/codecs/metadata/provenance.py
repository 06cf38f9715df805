"""The origin of a restored copy, found in its bytes without decoding the picture.

Needs no Pillow, so that the daemon can use it. Every format but BMP holds its XMP packet as plain text
(ISO 16684-1, section 7; JPEG: part 3, section 1.1.3), so that a search through the bytes finds what
`metadata.xmp` wrote there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

CHUNK_BYTES = 1 << 18
MAX_SPAN_BYTES = (
    1 << 12
)  # the longest distance between source and recipe, also after other programs rewrote them

# As an attribute, as facewatch writes it, or as an element, as other programs may rewrite it.
_SOURCE, _RECIPE = (
    re.compile(rb"facewatch:" + name + rb"(?:\s*=\s*[\"']|>)([0-9a-f]{64})[\"'<]")
    for name in (b"source", b"recipe")
)


@dataclass(frozen=True)
class Origin:
    """The original and the recipe of a copy."""

    source: str  # the SHA-256 of the photo's bytes
    recipe: str | None  # worker.recipe's Recipe.key; None if the copy has none


def origin(stream: BinaryIO) -> Origin | None:
    """Return the origin recorded in a file's bytes; None if there is none.

    Reads no further than necessary. Raises OSError.
    """
    overlap = b""
    while chunk := stream.read(CHUNK_BYTES):
        window = overlap + chunk
        found = _SOURCE.search(window)
        if found is None:
            overlap = window[-MAX_SPAN_BYTES:]
            continue
        around = window[max(0, found.start() - MAX_SPAN_BYTES) :] + stream.read(MAX_SPAN_BYTES)
        recipe = _RECIPE.search(around, 0, 2 * MAX_SPAN_BYTES)
        return Origin(found[1].decode(), recipe[1].decode() if recipe else None)
    return None
