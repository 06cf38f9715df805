"""A limit on a file's bytes, from its picture's size, so that a film named .jpg is never read whole.

Only the first bytes are read, without any image library: the daemon asks before it hashes a file, the engine
before it reads one into memory.
"""

from __future__ import annotations

import os
import re
import struct
from typing import BinaryIO

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs.size_limit import SizeLimit

SMALL_BYTES = 64_000_000  # read without a question
FILM_BYTES = 160_000_000  # what a motion photo, a preview or metadata may add to a picture
PIXEL_BYTES = 16  # four channels of 32 bits, not compressed
HEAD_BYTES = 1 << 16
MOST_PIXELS = 200_000_000  # of all pages together, or those of the largest page
PIECES = 4096  # segments before the size in a JPEG, at most
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers with the size (ITU T.81, table B.1)
_SHORT = 3  # of the types in a TIFF
_DAMAGED = "the file's structure is damaged, or it is no picture despite its name"


def check_bytes(file: BinaryIO, limit: SizeLimit) -> None:
    """Check that an opened file is no larger than its picture can make it; it is at its beginning then.

    Raises TruncatedPhoto for an empty head, PhotoTooLarge, or BadPhoto when it is no picture.
    """
    size_bytes = os.fstat(file.fileno()).st_size
    if size_bytes <= SMALL_BYTES:
        return
    head = file.read(HEAD_BYTES)
    if not head[:4096].strip(b"\0"):
        raise TruncatedPhoto("the file is empty: it is damaged or still being copied")
    try:
        sizes = _sizes_of(file, head)
    except struct.error as error:
        raise BadPhoto(_DAMAGED) from error
    finally:
        file.seek(0)
    for size in sizes:
        limit.check(size)
    pages = [width * height for width, height in sizes]
    pixels = min(sum(pages), max(MOST_PIXELS, *pages, 0))
    if not pixels or size_bytes > FILM_BYTES + PIXEL_BYTES * pixels:
        raise BadPhoto(
            f"the file has {size_bytes / 1e6:.0f} MB, far more than a picture of {pixels} pixels needs: "
            "it is damaged, or no picture despite its name"
        )


def _sizes_of(file: BinaryIO, head: bytes) -> list[tuple[int, int]]:
    """Return width and height of each page as the head gives them; may be wrong for a damaged file."""
    if head.startswith(b"\xff\xd8\xff"):
        return [_jpeg_size(file)]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack_from(">II", head, 16)
        return [(width, height)]
    if head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return _tiff_sizes(file, head)
    if head.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", head, 18)
        return [(abs(width), abs(height))]
    if head[4:8] == b"ftyp":
        found = [struct.unpack(">II", size) for size in re.findall(rb"ispe.{4}(.{8})", head, re.DOTALL)]
        return [max(found, key=lambda size: size[0] * size[1])] if found else []
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return [_webp_size(head)]
    raise BadPhoto("the file is not a JPEG, PNG, WebP, TIFF, BMP, HEIC or AVIF picture, despite its name")


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    at = 2
    for _ in range(PIECES):
        file.seek(at)
        mark, kind, length, _, height, width = struct.unpack(">BBHBHH", file.read(9))
        if mark != 0xFF or kind in {0x00, 0xD9, 0xDA}:
            break
        if kind in _FRAMES:
            return width, height
        at += 1 if kind == 0xFF else 2 + (0 if 0xD0 <= kind <= 0xD8 else length)
    raise BadPhoto(_DAMAGED)


def _webp_size(head: bytes) -> tuple[int, int]:
    if head[12:16] == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if head[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", head, 26)
    return width & 0x3FFF, height & 0x3FFF


def _tiff_sizes(file: BinaryIO, head: bytes) -> list[tuple[int, int]]:
    order = "<" if head[:1] == b"I" else ">"
    big = b"+" in head[2:4]
    count_format, offset_format = (f"{order}Q", f"{order}Q") if big else (f"{order}H", f"{order}I")
    (at,) = struct.unpack_from(offset_format, head, 8 if big else 4)
    sizes: list[tuple[int, int]] = []
    seen: set[int] = set()
    while at and at not in seen and len(sizes) < PIECES:
        seen.add(at)
        file.seek(at)
        (count,) = struct.unpack(count_format, file.read(struct.calcsize(count_format)))
        tags = file.read((20 if big else 12) * min(count, PIECES))
        sizes.append(_page_size(tags, order, big=big))
        (at,) = struct.unpack(offset_format, file.read(struct.calcsize(offset_format)))
    return sizes


def _page_size(tags: bytes, order: str, *, big: bool) -> tuple[int, int]:
    entry, value_bytes = (20, 8) if big else (12, 4)
    sides = {0x100: 0, 0x101: 0}
    for start in range(0, len(tags) - entry + 1, entry):
        tag, kind = struct.unpack_from(f"{order}HH", tags, start)
        if tag in sides:
            value = start + entry - value_bytes
            (sides[tag],) = struct.unpack_from(f"{order}{'H' if kind == _SHORT else 'I'}", tags, value)
    return sides[0x100], sides[0x101]
