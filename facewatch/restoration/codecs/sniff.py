"""Which format a file is, and whether its end is there yet."""

from __future__ import annotations

import struct

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs import png

HOLLOW_BYTES = 64
"""So many zeros at a file's end need a reason, or its space was set aside and is not yet filled."""
UNFINISHED = "the end of the file is still empty: it may still be being copied"


def kind(data: bytes) -> str:
    """The name in formats.FORMATS of the format that a file's first bytes show, whatever its suffix.

    Raises TruncatedPhoto for an empty or zero-filled file, BadPhoto for anything that is no such format.
    """
    if not data[:4096].strip(b"\0"):
        raise TruncatedPhoto("the file is empty: it may still be being copied")
    if data[4:8] == b"ftyp":
        return _kind_of_boxes(data)
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
    raise BadPhoto(
        "the file is not a JPEG, PNG, WebP, TIFF, BMP, HEIC or AVIF picture, whatever its name says"
    )


def _kind_of_boxes(data: bytes) -> str:
    """HEIC or AVIF, which share a container, by the brands it names."""
    (length,) = struct.unpack_from(">I", data)
    listed = data[8 : min(length, 256)]
    brands = {listed[at : at + 4] for at in range(0, len(listed), 4)}
    if brands & {b"avif", b"avis"}:
        return "avif"
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
        return "heic"
    raise BadPhoto("the file is a film or another MP4-like file, not a HEIC or AVIF picture")


def hollow(data: bytes, exif: bytes | None = None) -> bool:
    """The file ends in zeros that the EXIF block, if that stands last, does not own.

    exif  the block that was read from the file; cameras and Windows leave room in it
    """
    if data[-HOLLOW_BYTES:].strip(b"\0"):
        return False
    start = len(data) - len(exif or b"")
    # WebP puts a byte behind an odd block.
    return not exif or exif[:8] not in data[max(0, start - 1) : start + 8]


def check_boxes(data: bytes) -> None:
    """Raises TruncatedPhoto when a HEIC or AVIF file's boxes reach past its end."""
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
        raise TruncatedPhoto("the HEIC or AVIF file ends too early: it may still be being copied")
