"""Detection of a file's format and of files that are not yet fully written."""

from __future__ import annotations

import struct

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs import png

ZERO_TAIL_BYTES = 64
"""A file that ends in this many zeros has probably been preallocated and is not yet fully written."""
UNFINISHED = "the end of the file is empty: it is damaged or still being copied"


def detect_format(data: bytes) -> str:
    """Return the name in formats.FORMATS of a file's format, from its first bytes, whatever its suffix.

    Raises TruncatedPhoto for an empty or zero-filled file, BadPhoto for any other format.
    """
    if not data[:4096].strip(b"\0"):
        raise TruncatedPhoto("the file is empty: it is damaged or still being copied")
    if data[4:8] == b"ftyp":
        return _bmff_format(data)
    for head, name in (
        (b"\xff\xd8\xff", "jpeg"),
        (png.SIGNATURE, "png"),
        (b"II*\0", "tiff"),
        (b"MM\0*", "tiff"),
        (b"II+\0", "tiff"),
        (b"MM\0+", "tiff"),
        (b"BM", "bmp"),
    ):
        if data.startswith(head):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    raise BadPhoto("the file is not a JPEG, PNG, WebP, TIFF, BMP, HEIC or AVIF picture, despite its name")


def _bmff_format(data: bytes) -> str:
    """Distinguish HEIC from AVIF, which share a container, by the brands."""
    (length,) = struct.unpack_from(">I", data)
    listed = data[8 : min(length, 256)]
    brands = {listed[at : at + 4] for at in range(0, len(listed), 4)}
    if brands & {b"avif", b"avis"}:
        return "avif"
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
        return "heic"
    raise BadPhoto("the file is a video or another MP4-like file, not a HEIC or AVIF picture")


def has_zero_tail(data: bytes, exif: bytes | None = None) -> bool:
    """Return whether the file ends in zeros that are not part of an EXIF block at its end.

    exif  the block that was read from the file; cameras and Windows reserve empty space in it
    """
    if data[-ZERO_TAIL_BYTES:].strip(b"\0"):
        return False
    start = len(data) - len(exif or b"")
    # WebP pads a block of odd length with a byte.
    return not exif or exif[:8] not in data[max(0, start - 1) : start + 8]


def check_boxes(data: bytes) -> None:
    """Check a HEIC or AVIF file's boxes.

    Raises TruncatedPhoto when they reach past its end, BadPhoto when they are damaged.
    """
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            break
        length, _ = struct.unpack_from(">I4s", data, at)
        if length == 0:  # reaches to the end
            return
        if length == 1 and at + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, at + 8)
        if length < 8:
            raise BadPhoto("the HEIC or AVIF file's structure is damaged")
        at += length
    if at != len(data):
        raise TruncatedPhoto("the HEIC or AVIF file is incomplete: it is damaged or still being copied")
