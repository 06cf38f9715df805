"""Sound pictures of forms that are not decoded: their names, and what to save them as."""

from __future__ import annotations

import struct

from facewatch.restoration.codecs import tiff
from facewatch.restoration.codecs.metadata import tiff_tags
from facewatch.restoration.codecs.metadata.tiff_tags import BrokenTagsError, Directory

_JPEG_KINDS = {
    0xC3: "a lossless JPEG", 0xC5: "a hierarchical JPEG", 0xC6: "a hierarchical JPEG",
    0xC7: "a lossless JPEG", 0xCB: "a lossless JPEG", 0xF7: "a JPEG-LS picture",
}  # fmt: skip
_LOSSLESS = (0xC3, 0xCB)
_PHOTOMETRIC = {
    8: "L*a*b*", 9: "L*a*b* (ICC)", 10: "L*a*b* (ITU)", 32803: "a camera's raw data", 32844: "LogL",
    32845: "LogLuv", 34892: "a camera's linear raw data",
}  # fmt: skip
_COMPRESSION = {
    6: "old JPEG", 7: "JPEG", 34661: "JBIG", 34676: "SGI Log", 34677: "SGI Log", 34712: "JPEG 2000",
    33003: "JPEG 2000", 33005: "JPEG 2000", 34887: "LERC", 34892: "lossy raw JPEG", 34925: "LZMA",
    50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL", 32766: "NeXT's RLE",
    32809: "ThunderScan", 32908: "Pixar's film codec", 32909: "Pixar's log codec", 34933: "PNG",
}  # fmt: skip
_ORDINARY_COMPRESSION = (1, 2, 3, 4, 5, 8, 32773, 32946)
_BMP_HEADER_BYTES, _OS2_HEADER_BYTES = (12, 40, 52, 56, 64, 108, 124), 64
_OS2_COMPRESSION = {3: "an OS/2 BMP with Huffman compression", 4: "an OS/2 BMP with RLE compression"}
_PACKED_IN_BMP = {4: "a JPEG inside a BMP", 5: "a PNG inside a BMP"}
_PALETTE, _YCBCR, _GREYS = 3, 6, (0, 1, 3, 4)
_SAVE_AS_RGB = "save it as RGB with 8 or 16 bits a channel"


def describe(data: bytes) -> str | None:
    """Return what a file is and what to do, in a sentence; None for an ordinary form, which is damaged."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(b"BM"):
        return _bmp(data)
    if data[:2] in (b"II", b"MM"):
        return _tiff(data)
    return None


def _jpeg(data: bytes) -> str | None:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, precision = data[at + 1], data[at + 4]
        if marker in _LOSSLESS and precision != 8:
            return (
                f"the picture is a lossless JPEG with {precision} bits a channel; save it as PNG or TIFF "
                "with 16 bits"
            )
        if marker in _JPEG_KINDS:
            return f"the picture is {_JPEG_KINDS[marker]}; save it as PNG, TIFF or an ordinary JPEG"
        if marker in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA):
            form = f"a JPEG with {precision} bits a channel"
            return None if precision == 8 else f"the picture is {form}; save it as PNG or TIFF with 16 bits"
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None


def _bmp(data: bytes) -> str | None:
    if len(data) < 66:
        return None
    form = _bmp_form(data)
    return None if form is None else f"the picture is {form}; save it as PNG, or as BMP with 24 bits"


def _bmp_form(data: bytes) -> str | None:
    header, bits, compression = struct.unpack_from("<I", data, 14)[0], *struct.unpack_from("<HI", data, 28)
    if header not in _BMP_HEADER_BYTES:
        return "a BMP of a rare form"
    if header == _OS2_HEADER_BYTES and compression in _OS2_COMPRESSION:
        return _OS2_COMPRESSION[compression]
    if header >= 40 and compression in (3, 6):
        masks = struct.unpack_from("<III", data, 54)
        depths = "-".join(str(mask.bit_count()) for mask in masks)
        return f"a BMP with {bits} bits a pixel ({depths})"
    if header >= 40 and compression in _PACKED_IN_BMP:
        return _PACKED_IN_BMP[compression]
    return f"a BMP with {bits} bits a pixel" if header >= 40 and bits not in (1, 4, 8, 16, 24, 32) else None


def _tiff(data: bytes) -> str | None:
    try:
        page = tiff_tags.read_directory(data)
    except BrokenTagsError:
        return None
    return describe_page(page)


def describe_page(page: Directory) -> str | None:
    """Return what a TIFF page is and what to do, in a sentence; None for an ordinary form."""
    samples = _samples(page)
    if samples is not None:
        return f"the picture {samples}; {_SAVE_AS_RGB}"
    compression = page.number(tiff.COMPRESSION, 1)
    if compression not in _ORDINARY_COMPRESSION:
        name = _COMPRESSION.get(compression, f"a rare method (number {compression})")
        return (
            f"the picture is compressed with {name}, in a form that facewatch does not "
            "read; save it with LZW or Deflate compression"
        )
    channels = page.number(tiff.CHANNELS, 1)
    expected = tiff.COLOUR_CHANNELS.get(page.number(tiff.PHOTOMETRIC, 1), channels)
    if channels > expected:
        return (
            f"the picture has {channels - expected} extra channels (saved selections, alpha or spot colours) "
            "in a form that facewatch does not read; remove them and save it again"
        )
    return None


def _samples(page: Directory) -> str | None:
    """Return what is rare about the page's samples."""
    bits = page.numbers(tiff.BITS) or (1,)
    kind = {2: "signed", 3: "floating point", 5: "complex", 6: "complex"}.get(
        page.number(tiff.SAMPLE_FORMAT, 1)
    )
    photometric = page.number(tiff.PHOTOMETRIC, 1)
    if kind is not None:
        return f"has {bits[0]}-bit {kind} samples"
    if photometric in _PHOTOMETRIC:
        return f"is in {_PHOTOMETRIC[photometric]}, not RGB"
    if photometric == _PALETTE and max(bits) > 8:
        return f"has a palette with {bits[0]} bits a pixel"
    if photometric == _YCBCR and page.number(tiff.PLANAR, 1) == 2:
        return "is in YCbCr with each channel for itself"
    if set(bits) - ({1, 2, 4, 8, 16} if photometric in _GREYS else {8, 16}):
        return f"has {'-'.join(map(str, sorted(set(bits))))} bits a channel"
    return None
