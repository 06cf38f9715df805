"""Detection of a file's format and of files that are not yet fully written."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from facewatch.errors import BadPhoto, NotSupported, TruncatedPhoto
from facewatch.restoration.codecs.formats import SIGNATURES

_BOX_HEADER_BYTES = 8
_BMP_HEADER_BYTES, _BMP_HEADERS = 40, (40, 52, 56, 108, 124)
ZERO_TAIL_BYTES = 64
"""A file that ends in this many zeros has probably been preallocated and is not yet fully written."""
CUT_OFF = "the file is cut off: its end is missing; copy it again from where it came from"
_JPEG_START = b"\xff\xd8\xff"
_MOST_BYTES_BEFORE = 1024
_BLANK = b" \t\r\n\xef\xbb\xbf"
"""Line ends, and the mark of a text file that scripts write before a picture without wanting to."""
UNFINISHED = "the end of the file is empty: it is damaged or still being copied; facewatch tries it again"


_UNKNOWN = "of an unknown kind"
_OTHER_KINDS: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b"GIF8",), "a GIF"),
    ((b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), "a JPEG 2000 picture"),
    ((b"\xff\x0a", b"\0\0\0\x0cJXL "), "a JPEG XL picture"),
    ((b"8BPS",), "a Photoshop document"),
    ((b"%PDF",), "a PDF document"),
    (
        (b"II\x1a\0\0\0HEAPCCDR", b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"IIU\0", b"FOVb"),
        "a camera's raw file",
    ),
    ((b"PK\x03\x04",), "a zip archive"),
    ((b"<svg", b"<?xml"), "a drawing (SVG) or another text"),
    ((b"<!DOCTYPE", b"<html", b"<HTML"), "a web page"),
    ((b"\x00\x00\x01\x00",), "an icon"),
    ((b"BA\x28\0\0\0",), "an OS/2 bitmap array (several bitmaps in one file)"),
    ((b"v/1\x01", b"#?RADIANCE", b"#?RGBE"), "an HDR picture (OpenEXR or Radiance)"),
    ((b"P1\n", b"P2\n", b"P3\n", b"P4\n", b"P5\n", b"P6\n", b"P7\n"), "a PNM picture"),
    ((b"qoif", b"DDS ", b"gimp xcf", b"IIN1", b"\x01\xda"), "a picture of a rare kind"),
    ((b"\x1aE\xdf\xa3", b"RIFF", b"\0\0\x01\xba", b"FLV\x01", b"OggS"), "a video or a sound"),
    ((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ"), "an archive"),
    ((b"\0\x05\x16\x07",), "a Mac's record of another file (AppleDouble)"),
    ((b"L\0\0\0\x01\x14\x02\0",), "a shortcut of Windows"),
)


def without_blank_start(data: bytes) -> bytes:
    """Return a JPEG file without line ends and a text file's mark before it; any other file as it is."""
    if data[:1] not in (b" ", b"\t", b"\r", b"\n", b"\xef"):
        return data
    start = data.find(_JPEG_START, 0, _MOST_BYTES_BEFORE)
    return data[start:] if start > 0 and not data[:start].strip(_BLANK) else data


def detect_format(data: bytes) -> str:
    """Return the name in formats.FORMATS of a file's format, from its first bytes, whatever its suffix.

    Raises TruncatedPhoto for an empty or zero-filled file, BadPhoto for any other format.
    """
    if not data[:4096].strip(b"\0"):
        raise TruncatedPhoto(
            "the file is empty: it is damaged or still being copied; facewatch tries it again"
        )
    if data[4:8] == b"ftyp":
        return _bmff_format(data)
    for head, name in SIGNATURES:
        if data.startswith(head):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if _is_headless_bmp(data):
        return "bmp"
    kind = _other_kind(data)
    start = data.find(_JPEG_START, 0, _MOST_BYTES_BEFORE)
    if kind == _UNKNOWN and start > 0:
        raise NotSupported(
            f"the file has {start} bytes of something else before a JPEG picture; "
            "save the picture again from where it came from, or with another program"
        )
    raise NotSupported(
        f"the file is {kind}, not a JPEG, PNG, WebP, TIFF, BMP, HEIC or AVIF picture; save it as one of these"
    )


def _is_headless_bmp(data: bytes) -> bool:
    """Return whether a file begins with a BMP's second header, as some with the suffix .dib do."""
    if len(data) < _BMP_HEADER_BYTES:
        return False
    header, width, height, planes, bits, compression = struct.unpack_from("<IiiHHI", data)
    sound = width > 0 and height and planes == 1 and bits in (1, 4, 8, 16, 24, 32) and compression <= 6
    return header in _BMP_HEADERS and sound


def _other_kind(data: bytes) -> str:
    """Name the kind of a file that is not taken."""
    for heads, name in _OTHER_KINDS:
        if data.startswith(heads):
            return name
    return _UNKNOWN


def _bmff_format(data: bytes) -> str:
    """Distinguish HEIC from AVIF, which share a container, by the brands."""
    (length,) = struct.unpack_from(">I", data)
    listed = data[8 : min(length, 256)]
    brands = {listed[at : at + 4] for at in range(0, len(listed), 4)}
    if brands & {b"avif", b"avis"}:
        return "avif"
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
        return "heic"
    raise NotSupported(
        "the file is a video or another MP4-like file, not a HEIC or AVIF picture; "
        "save a picture from it as JPEG"
    )


def has_zero_tail(data: bytes, exif: bytes | None = None, xmp: bytes | None = None) -> bool:
    """Return whether the file ends in zeros that are not part of EXIF or XMP at its end.

    exif  the block that was read from the file; cameras and Windows reserve empty space in it
    xmp   the packet that was read from the file; it counts if it is whole before the zeros
    """
    if data[-ZERO_TAIL_BYTES:].strip(b"\0"):
        return False
    whole = xmp if xmp and xmp.rstrip(b"\0").endswith(b">") else None
    return not any(block and _is_at_end(data, block) for block in (exif, whole))


def _is_at_end(data: bytes, block: bytes) -> bool:
    start = len(data) - len(block)
    # WebP pads a block of odd length with a byte.
    return block[:8] in data[max(0, start - 1) : start + 8]


def boxes_end(data: bytes, *, settled: bool = False) -> int:
    """Return where the boxes of a HEIC or AVIF file end: mostly the file's length.

    settled  the file is not being written any more: zeros or other data may follow the picture's boxes

    Raises TruncatedPhoto when a box reaches past the end, BadPhoto when one is damaged.
    """
    found = dict(_boxes(data))
    end = max(found.values(), default=0)
    if end == len(data) or (settled and b"mdat" in found):
        return end
    if 1 < int.from_bytes(data[end : end + 4], "big") < _BOX_HEADER_BYTES:
        raise BadPhoto("the HEIC or AVIF file's structure is damaged; copy it again from where it came from")
    raise TruncatedPhoto(
        "the HEIC or AVIF file is incomplete: it is damaged or still being copied; facewatch tries it again"
    )


def box_kinds(data: bytes) -> set[bytes]:
    """Return the kinds of a HEIC or AVIF file's whole boxes."""
    return set(dict(_boxes(data)))


def box(data: bytes, kind: bytes) -> bytes:
    """Return the content of a HEIC or AVIF file's first box of a kind; empty without one."""
    start = 0
    for found, end in _boxes(data):
        if found == kind:
            return data[start + _BOX_HEADER_BYTES : end]
        start = end
    return b""


def _boxes(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield kind and end of the boxes, up to the first that is not whole."""
    at = 0
    while at + _BOX_HEADER_BYTES <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if length == 0 and kind != bytes(4):  # reaches to the end
            length = len(data) - at
        if length == 1 and at + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, at + 8)
        at += length
        if length < _BOX_HEADER_BYTES or at > len(data):
            return
        yield kind, at
