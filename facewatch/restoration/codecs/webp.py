"""WebP's chunks: the picture apart from what is said about it.

Source: RFC 9649, section 2.
"""

from __future__ import annotations

import struct

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs.metadata import exif
from facewatch.restoration.codecs.photo import Metadata

PICTURE = (b"VP8 ", b"VP8L", b"ALPH")

_EARLY = "the WebP file ends too early: it may still be being copied"


def split(data: bytes) -> tuple[bytes, Metadata]:
    """The file with the picture's own chunks only, and the descriptions.

    Raises TruncatedPhoto when the file ends too early, BadPhoto when it is animated.
    """
    if len(data) < 20 or 8 + struct.unpack_from("<I", data, 4)[0] > len(data):
        raise TruncatedPhoto(_EARLY)
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    said: dict[bytes, bytes] = {}
    kept, at = [], 12
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        after = at + 8 + length
        if not kind.strip().isalnum() or after > end:
            raise TruncatedPhoto(_EARLY)
        if kind in (b"ANIM", b"ANMF"):
            raise BadPhoto("the WebP file is animated; only single pictures are restored")
        said.setdefault(kind, data[at + 8 : after])
        if kind in PICTURE:
            kept.append(data[at : after + length % 2].ljust(8 + length + length % 2, b"\0"))
        at = after + length % 2
    if not kept:
        raise BadPhoto("the WebP file holds no picture")
    head = said.get(b"VP8X")
    if head and len(head) == 10:
        only_alpha = bytes([head[0] & 0x10])
        kept.insert(0, struct.pack("<4sI", b"VP8X", 10) + only_alpha + head[1:])
    body = b"WEBP" + b"".join(kept)
    block = said.get(b"EXIF")
    return b"RIFF" + struct.pack("<I", len(body)) + body, Metadata(
        exif=exif.block(block) if block else None,
        xmp=said.get(b"XMP "),
        icc=said.get(b"ICCP"),
    )


def shortened(bare: bytes, length: int) -> bytes:
    """What `split` gave, without the last bytes of its picture; `length` is even."""
    at = 12
    while at + 8 + (size := struct.unpack_from("<I", bare, at + 4)[0]) < len(bare) - 1:
        at += 8 + size + size % 2
    body = bare[8 : at + 4] + struct.pack("<I", size - length) + bare[at + 8 : len(bare) - length]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def size(bare: bytes) -> tuple[int, int]:
    """Width and height, from the header of what `split` gave.  Raises BadPhoto when there is none."""
    kind, start = bare[12:16], 20
    if kind == b"VP8X":
        wide, high = bare[start + 4 : start + 7], bare[start + 7 : start + 10]
        return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
    if kind == b"VP8L" and bare[start : start + 1] == b"\x2f" and len(bare) > start + 5:
        (bits,) = struct.unpack_from("<I", bare, start + 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and bare[start + 3 : start + 6] == b"\x9d\x01\x2a" and len(bare) > start + 10:
        width, height = struct.unpack_from("<HH", bare, start + 6)
        return width & 0x3FFF, height & 0x3FFF
    raise BadPhoto("the WebP file's header is damaged")


def lossless(bare: bytes) -> bool:
    """The picture is stored without loss."""
    return b"VP8L" in (bare[12:16], bare[30:34])
