"""JPEG's segments: the picture apart from what is said about it.

Source: ITU T.81, annex B; XMP specification part 3, section 1.1.3; ICC.1:2022, annex B.4.
"""

from __future__ import annotations

import hashlib
import struct

from facewatch.errors import TruncatedPhoto
from facewatch.restoration.codecs.metadata import exif, xmp
from facewatch.restoration.codecs.photo import Metadata

EXIF = b"Exif\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
ICC = b"ICC_PROFILE\0"
RESOURCES = b"Photoshop 3.0\0"
APP0, APP1, APP2, APP13, APP14, APP15, COMMENT, SCAN = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF, 0xFE, 0xDA
THUMBNAIL_RESOURCES = (1033, 1036)
SEGMENT_ROOM = 65_533

_EARLY = "the JPEG file ends too early: it may still be being copied"


def split(data: bytes) -> tuple[bytes, Metadata]:
    """The file without its descriptions, and these.

    Raises TruncatedPhoto when the file ends before the picture does.
    """
    kept, said, at = [data[:2]], [], 2
    while True:
        at = data.find(b"\xff", at)
        while at >= 0 and data[at + 1 : at + 2] == b"\xff":
            at += 1
        if at < 0 or at + 4 > len(data):
            raise TruncatedPhoto(_EARLY)
        marker = data[at + 1]
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD9:  # stray bytes and marks without a length
            at += 2
            continue
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == SCAN:
            break
        if marker == COMMENT or (APP0 < marker <= APP15 and marker != APP14):
            said.append((marker, data[at + 4 : end]))
        else:
            kept.append(data[at:end])
        at = end
    if data.rfind(b"\xff\xd9", at) < 0:
        raise TruncatedPhoto(_EARLY)
    return b"".join([*kept, data[at:]]), _metadata(said)


def _metadata(said: list[tuple[int, bytes]]) -> Metadata:
    def payloads(marker: int, head: bytes) -> list[bytes]:
        return [payload[len(head) :] for kind, payload in said if kind == marker and payload.startswith(head)]

    block = b"".join(payload[1:] for payload in payloads(APP1, EXIF))
    packets = payloads(APP1, XMP)
    resources = b"".join(payloads(APP13, RESOURCES))
    return Metadata(
        exif=exif.block(block),
        xmp=_whole_xmp(packets[0], payloads(APP1, EXTENDED_XMP)) if packets else None,
        icc=_profile(payloads(APP2, ICC)),
        resources=without_thumbnails(resources) if resources else None,
        comments=tuple(payload for kind, payload in said if kind == COMMENT),
    )


def _profile(parts: list[bytes]) -> bytes | None:
    """The profile put together; None where a part of it is missing."""
    numbered = {part[0]: part[2:] for part in parts if len(part) > 2}
    total = parts[0][1] if parts and len(parts[0]) > 2 else 0
    if not total or sorted(numbered) != list(range(1, total + 1)):
        return None
    return b"".join(numbered[number] for number in sorted(numbered))


def _whole_xmp(packet: bytes, parts: list[bytes]) -> bytes:
    """The packet with its extension, if that is whole; each part says digest, full length and offset."""
    found = {struct.unpack_from(">I", part, 36)[0]: part[40:] for part in parts if len(part) > 40}
    extension = b"".join(found[offset] for offset in sorted(found))
    whole = bool(parts) and _digest(extension).encode() == parts[0][:32].upper()
    return xmp.joined(packet, extension) if whole else packet


def _digest(extension: bytes) -> str:
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper()


def segments(metadata: Metadata) -> bytes:
    """The segments that Pillow has no word for: XMP (it may need several), IPTC and comments."""
    parts = _xmp_segments(metadata.xmp) if metadata.xmp else []
    if metadata.resources:
        room = SEGMENT_ROOM - len(RESOURCES)
        whole = metadata.resources
        parts += [(APP13, RESOURCES + whole[at : at + room]) for at in range(0, len(whole), room)]
    parts += [(COMMENT, comment) for comment in metadata.comments]
    return b"".join(struct.pack(">BBH", 0xFF, marker, len(part) + 2) + part for marker, part in parts)


def _xmp_segments(packet: bytes) -> list[tuple[int, bytes]]:
    """One segment, or where that has too little room, one with the provenance and others with all."""
    if len(packet) <= SEGMENT_ROOM - len(XMP):
        return [(APP1, XMP + packet)]
    digest = _digest(packet)
    head = EXTENDED_XMP + digest.encode() + struct.pack(">I", len(packet))
    room = SEGMENT_ROOM - len(head) - 4
    starts = range(0, len(packet), room)
    rest = [(APP1, head + struct.pack(">I", at) + packet[at : at + room]) for at in starts]
    return [(APP1, XMP + xmp.head(packet, digest)), *rest]


def resources(block: bytes) -> list[tuple[int, bytes]]:
    """Photoshop's image resources, id and whole record; ends where the block is no longer readable."""
    found, at = [], 0
    while block[at : at + 4] == b"8BIM" and at + 12 <= len(block):
        (number,) = struct.unpack_from(">H", block, at + 4)
        name = 1 + block[at + 6]
        body = at + 6 + name + name % 2
        if body + 4 > len(block):
            break
        (length,) = struct.unpack_from(">I", block, body)
        end = body + 4 + length + length % 2
        found.append((number, block[at:end]))
        at = end
    return found


def without_thumbnails(block: bytes) -> bytes | None:
    """The resources without previews, which show the unrestored picture; None where nothing is left."""
    kept = b"".join(record for number, record in resources(block) if number not in THUMBNAIL_RESOURCES)
    return kept or None


def iptc(block: bytes) -> bytes | None:
    """The IPTC record among the resources."""
    for number, record in resources(block):
        if number == 0x0404:
            name = 1 + record[6]
            start = 6 + name + name % 2
            (length,) = struct.unpack_from(">I", record, start)
            return record[start + 4 : start + 4 + length]
    return None


def resource(number: int, payload: bytes) -> bytes:
    """One image resource without a name."""
    return b"8BIM" + struct.pack(">HHI", number, 0, len(payload)) + payload + b"\0" * (len(payload) % 2)
