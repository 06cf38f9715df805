"""PNG's chunks: the picture apart from what is said about it, and whole files written.

Source: Portable Network Graphics, third edition (W3C, 2025), sections 5 and 11.
"""

from __future__ import annotations

import binascii
import io
import struct
import zlib
from collections.abc import Iterator

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs import png_rows
from facewatch.restoration.codecs.metadata import exif
from facewatch.restoration.codecs.photo import Metadata, Samples

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI")
TEXT = (b"tEXt", b"zTXt", b"iTXt")
XMP_WORD = b"XML:com.adobe.xmp"
RAW_EXIF_WORDS = (b"Raw profile type exif", b"Raw profile type APP1")
RAW_XMP_WORD = b"Raw profile type xmp"
MOST_BYTES = 16_000_000
"""The most that a compressed text or profile may unfold to; what is longer is not kept."""

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Every chunk: kind, payload, whole.  Raises TruncatedPhoto when the file ends before IEND."""
    at = len(SIGNATURE)
    while True:
        if at + 12 > len(data):
            raise TruncatedPhoto("the PNG file ends too early: it may still be being copied")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) or kind == bytes(4):
            raise TruncatedPhoto("the PNG file ends too early: it may still be being copied")
        if not kind.isalpha():
            raise BadPhoto("the PNG file is damaged")
        yield kind, data[at + 8 : end - 4], data[at:end]
        if kind == b"IEND":
            return
        at = end


def split(data: bytes) -> tuple[bytes, Metadata]:
    """The file with the picture's own chunks only, and the descriptions.

    Raises TruncatedPhoto when the file ends too early, BadPhoto when it is damaged or animated.
    """
    kept: list[bytes] = [SIGNATURE]
    said: list[tuple[bytes, bytes]] = []
    for kind, payload, whole in _walk(data):
        if kind in PICTURE:
            if struct.pack(">I", zlib.crc32(whole[4:-4])) != whole[-4:]:
                raise BadPhoto("the PNG file is damaged: a checksum is wrong")
            kept.append(whole)
        elif kind == b"acTL" and payload[:4] not in (b"\0\0\0\0", b"\0\0\0\1"):
            raise BadPhoto("the PNG file is animated; only single pictures are restored")
        else:
            said.append((kind, payload))
    return b"".join(kept), _metadata(said)


def _metadata(said: list[tuple[bytes, bytes]]) -> Metadata:
    first = dict(reversed(said))
    texts = [(kind, payload, payload.split(b"\0", 1)[0]) for kind, payload in said if kind in TEXT]
    special = (XMP_WORD, RAW_XMP_WORD, *RAW_EXIF_WORDS)
    words = {word: _words(kind, payload) for kind, payload, word in reversed(texts) if word in special}
    block = first.get(b"eXIf") or next((_raw(words[word]) for word in RAW_EXIF_WORDS if word in words), None)
    packet = words.get(XMP_WORD) or _raw(words.get(RAW_XMP_WORD))
    unit = first.get(b"pHYs", b"")
    dpi = None
    if len(unit) == 9 and unit[8] == 1:
        across, down = struct.unpack_from(">II", unit)
        dpi = (across * 0.0254, down * 0.0254) if across and down else None
    # A resolution is turned with the picture; the shape of a pixel, which is all that it may say, is kept.
    kept = [(kind, payload) for kind, payload in said if kind in COLOUR or (kind == b"pHYs" and not dpi)]
    kept += [(kind, payload) for kind, payload, word in texts if word not in special]
    return Metadata(
        exif=exif.block(block) if block else None,
        xmp=packet,
        icc=_unfolded(first[b"iCCP"].split(b"\0", 1)[-1][1:]) if b"iCCP" in first else None,
        dpi=dpi,
        chunks=tuple(kept),
    )


def _unfolded(packed: bytes) -> bytes | None:
    """What was compressed; None where it is broken or too long."""
    unfolder = zlib.decompressobj()
    try:
        plain = unfolder.decompress(packed, MOST_BYTES)
    except zlib.error:
        return None
    return plain if unfolder.eof else None


def _words(kind: bytes, payload: bytes) -> bytes | None:
    """The text of a text chunk, in its own encoding."""
    _, _, rest = payload.partition(b"\0")
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _unfolded(rest[1:])
    parts = rest[2:].split(b"\0", 2)
    if len(parts) < 3:
        return None
    return _unfolded(parts[2]) if rest[:1] == b"\1" else parts[2]


def _raw(words: bytes | None) -> bytes | None:
    """ImageMagick's raw profiles: name, length, then the bytes in hexadecimal."""
    if not words:
        return None
    try:
        return binascii.unhexlify(b"".join(words.split()[2:]))
    except binascii.Error:
        return None


def chunk(kind: bytes, payload: bytes) -> bytes:
    """One chunk with its length and checksum."""
    checksum = zlib.crc32(payload, zlib.crc32(kind))
    return b"".join((struct.pack(">I4s", len(payload), kind), payload, struct.pack(">I", checksum)))


def write(samples: Samples, metadata: Metadata) -> bytes:
    """A whole file of a picture that is (H, W) or (H, W, 2-4) uint8 or uint16, with its descriptions."""
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    bits = 8 * samples.itemsize
    file = io.BytesIO()  # gives its bytes away at the end without one more copy of them
    file.write(SIGNATURE)
    file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, _COLOUR_TYPES[channels], 0, 0, 0)))
    file.write(_descriptions(metadata))
    for part in png_rows.compressed(samples):
        file.write(chunk(b"IDAT", part))
    file.write(chunk(b"IEND", b""))
    return file.getvalue()


def join(bare: bytes, metadata: Metadata) -> bytes:
    """The picture's file with its descriptions put in after the header."""
    header = len(SIGNATURE) + 25
    return bare[:header] + _descriptions(metadata) + bare[header:]


def _descriptions(metadata: Metadata) -> bytes:
    parts = list(metadata.chunks)
    kinds = {kind for kind, _ in parts}
    if metadata.icc:
        # A profile says more than these, and sRGB may not stand beside it.
        parts = [(kind, payload) for kind, payload in parts if kind not in (b"sRGB", b"gAMA", b"cHRM")]
        parts.insert(0, (b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.dpi and b"pHYs" not in kinds:
        across, down = (round(side / 0.0254) for side in metadata.dpi)
        parts.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        parts.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        parts.append((b"iTXt", XMP_WORD + bytes(5) + metadata.xmp))
    return b"".join(chunk(kind, payload) for kind, payload in parts)
