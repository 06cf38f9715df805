"""WebP chunks: the picture separated from its metadata.

Source: RFC 9649, section 2.
"""

from __future__ import annotations

import struct

from facewatch.errors import Animated, BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs import sniff
from facewatch.restoration.codecs.metadata import exif, xmp_merge
from facewatch.restoration.codecs.photo import BEHIND, CREDENTIALS, Metadata

IMAGE_CHUNKS = (b"VP8 ", b"VP8L", b"ALPH")
XMP_CHUNKS = (b"XMP ", b"XMP\0")
"""The second is written by old programs that use Exiv2."""
_READ_CHUNKS = (*IMAGE_CHUNKS, *XMP_CHUNKS, b"VP8X", b"EXIF", b"ICCP")

_INCOMPLETE = "the WebP file is incomplete: it is damaged or still being copied; facewatch tries it again"


def split(data: bytes, *, settled: bool = False) -> tuple[bytes, Metadata, bool]:
    """Return the file with only the picture's chunks, the metadata, and whether the file ends in zeros.

    settled  the file is not being written any more: the length in its header may be wrong

    Raises TruncatedPhoto when the file ends too early, BadPhoto when it is animated.
    """
    end = _end(data, settled=settled)
    payloads: dict[bytes, bytes] = {}
    packets: list[bytes] = []
    kept, at = [], 12
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        after = at + 8 + length
        if kind == bytes(4) or after > end:
            raise TruncatedPhoto(_INCOMPLETE)
        if kind in (b"ANIM", b"ANMF"):
            raise Animated("the WebP file is animated")
        payloads.setdefault(kind, data[at + 8 : after])
        if kind in XMP_CHUNKS:
            packets.append(data[at + 8 : after])
        if kind in IMAGE_CHUNKS:
            kept.append(data[at : after + length % 2].ljust(8 + length + length % 2, b"\0"))
        at = after + length % 2
    if not kept:
        raise BadPhoto("the WebP file holds no picture; save it again from the program it came from")
    head = payloads.get(b"VP8X")
    if head and len(head) == 10:
        only_alpha = bytes([head[0] & 0x10])
        kept.insert(0, struct.pack("<4sI", b"VP8X", 10) + only_alpha + head[1:])
    body = b"WEBP" + b"".join(kept)
    block = payloads.get(b"EXIF")
    exif_block = exif.tiff_block(block) if block else None
    found = xmp_merge.merge(packets)
    lost = [exif.UNREADABLE] if block and exif_block is None else []
    lost += _lost_chunks(set(payloads))
    if data[end:].strip(b"\0"):
        lost.append(BEHIND)
    metadata = Metadata(
        exif=exif_block,
        xmp=found.packet,
        unreadable_xmp=found.unreadable,
        icc=payloads.get(b"ICCP"),
        lost=(*lost, *found.notes),
    )
    zero_tail = sniff.has_zero_tail(data[:end], exif_block, packets[-1] if packets else None)
    return b"RIFF" + struct.pack("<I", len(body)) + body, metadata, zero_tail


def _end(data: bytes, *, settled: bool) -> int:
    if len(data) < 20:
        raise TruncatedPhoto(_INCOMPLETE)
    end = 8 + int(struct.unpack_from("<I", data, 4)[0])
    if settled and not _fits(data, end):
        return len(data)
    if end > len(data):
        raise TruncatedPhoto(_INCOMPLETE)
    return end


def _fits(data: bytes, end: int) -> bool:
    """Return whether the chunks end where the header says."""
    at = 12
    while at + 8 <= min(end, len(data)):
        (length,) = struct.unpack_from("<I", data, at + 4)
        at += 8 + length + length % 2
    return at in (end, end + 1) and end <= len(data)


def _lost_chunks(kinds: set[bytes]) -> list[str]:
    """Return in words the chunks that no copy keeps."""
    unknown = sorted(
        kind.decode("ascii", "replace") for kind in kinds if kind not in (*_READ_CHUNKS, b"C2PA")
    )
    found = [CREDENTIALS] if b"C2PA" in kinds else []
    return found + ([f"WebP chunks of a program ({', '.join(unknown)})"] if unknown else [])


def truncate(stripped: bytes, length: int) -> bytes:
    """Return the result of `split` without the last `length` bytes of its picture; `length` is even."""
    at = 12
    while at + 8 + (size := struct.unpack_from("<I", stripped, at + 4)[0]) < len(stripped) - 1:
        at += 8 + size + size % 2
    body = stripped[8 : at + 4] + struct.pack("<I", size - length) + stripped[at + 8 : len(stripped) - length]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def size(stripped: bytes) -> tuple[int, int]:
    """Return width and height from the header of the result of `split`.  Raises BadPhoto without one."""
    kind, start = stripped[12:16], 20
    if kind == b"VP8X":
        wide, high = stripped[start + 4 : start + 7], stripped[start + 7 : start + 10]
        return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
    if kind == b"VP8L" and stripped[start : start + 1] == b"\x2f" and len(stripped) > start + 5:
        (bits,) = struct.unpack_from("<I", stripped, start + 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and stripped[start + 3 : start + 6] == b"\x9d\x01\x2a" and len(stripped) > start + 10:
        width, height = struct.unpack_from("<HH", stripped, start + 6)
        return width & 0x3FFF, height & 0x3FFF
    raise BadPhoto("the WebP file's header is damaged; copy it again from where it came from")


def is_lossless(stripped: bytes) -> bool:
    """Return whether the picture is stored without loss."""
    return b"VP8L" in (stripped[12:16], stripped[30:34])
