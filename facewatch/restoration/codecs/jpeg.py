"""JPEG segments: the picture separated from its metadata.

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
THUMBNAIL_RESOURCES, IPTC_RESOURCE = (1033, 1036), 0x0404
MAX_SEGMENT_BYTES = 65_533

_INCOMPLETE = "the JPEG file is incomplete: it is damaged or still being copied"


def split(data: bytes) -> tuple[bytes, Metadata]:
    """Return the file without its metadata, and the metadata.

    Raises TruncatedPhoto when the file ends before the picture.
    """
    kept, segments, at = [data[:2]], [], 2
    while True:
        at = data.find(b"\xff", at)
        while at >= 0 and data[at + 1 : at + 2] == b"\xff":
            at += 1
        if at < 0 or at + 4 > len(data):
            raise TruncatedPhoto(_INCOMPLETE)
        marker = data[at + 1]
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD9:  # stray bytes and markers without a length
            at += 2
            continue
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == SCAN:
            break
        if marker == COMMENT or (APP0 < marker <= APP15 and marker != APP14):
            segments.append((marker, data[at + 4 : end]))
        else:
            kept.append(data[at:end])
        at = end
    if data.rfind(b"\xff\xd9", at) < 0:
        raise TruncatedPhoto(_INCOMPLETE)
    return b"".join([*kept, data[at:]]), _metadata(segments)


def _metadata(segments: list[tuple[int, bytes]]) -> Metadata:
    def payloads(marker: int, head: bytes) -> list[bytes]:
        return [
            payload[len(head) :] for kind, payload in segments if kind == marker and payload.startswith(head)
        ]

    block = b"".join(payload[1:] for payload in payloads(APP1, EXIF))
    packets = payloads(APP1, XMP)
    resources = b"".join(payloads(APP13, RESOURCES))
    return Metadata(
        exif=exif.tiff_block(block),
        xmp=_join_xmp(packets[0], payloads(APP1, EXTENDED_XMP)) if packets else None,
        icc=_join_icc(payloads(APP2, ICC)),
        resources=without_thumbnails(resources) if resources else None,
        comments=tuple(payload for kind, payload in segments if kind == COMMENT),
    )


def _join_icc(parts: list[bytes]) -> bytes | None:
    """Return the profile joined from its parts; None if a part is missing."""
    numbered = {part[0]: part[2:] for part in parts if len(part) > 2}
    total = parts[0][1] if parts and len(parts[0]) > 2 else 0
    if not total or sorted(numbered) != list(range(1, total + 1)):
        return None
    return b"".join(numbered[number] for number in sorted(numbered))


def _join_xmp(packet: bytes, parts: list[bytes]) -> bytes:
    """Return the packet merged with its extension, if that is complete.

    parts  each begins with the extension's digest, full length and the part's offset
    """
    found = {struct.unpack_from(">I", part, 36)[0]: part[40:] for part in parts if len(part) > 40}
    extension = b"".join(found[offset] for offset in sorted(found))
    complete = bool(parts) and _digest(extension).encode() == parts[0][:32].upper()
    return xmp.merge_extension(packet, extension) if complete else packet


def _digest(extension: bytes) -> str:
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper()


def metadata_segments(metadata: Metadata) -> bytes:
    """Return the segments that Pillow has no option for: XMP (perhaps several), IPTC and comments."""
    parts = _xmp_segments(metadata.xmp) if metadata.xmp else []
    if metadata.resources:
        room = MAX_SEGMENT_BYTES - len(RESOURCES)
        block = metadata.resources
        parts += [(APP13, RESOURCES + block[at : at + room]) for at in range(0, len(block), room)]
    parts += [(COMMENT, comment) for comment in metadata.comments]
    return b"".join(struct.pack(">BBH", 0xFF, marker, len(part) + 2) + part for marker, part in parts)


def _xmp_segments(packet: bytes) -> list[tuple[int, bytes]]:
    """Return one segment, or one with the provenance and further ones with a packet too long for it."""
    if len(packet) <= MAX_SEGMENT_BYTES - len(XMP):
        return [(APP1, XMP + packet)]
    digest = _digest(packet)
    head = EXTENDED_XMP + digest.encode() + struct.pack(">I", len(packet))
    room = MAX_SEGMENT_BYTES - len(head) - 4
    starts = range(0, len(packet), room)
    rest = [(APP1, head + struct.pack(">I", at) + packet[at : at + room]) for at in starts]
    return [(APP1, XMP + xmp.standard_packet(packet, digest)), *rest]


def parse_resources(block: bytes) -> list[tuple[int, bytes]]:
    """Return Photoshop's image resources, id and whole record, up to the first unreadable one."""
    found, at = [], 0
    while block[at : at + 4] == b"8BIM" and at + 12 <= len(block):
        (number,) = struct.unpack_from(">H", block, at + 4)
        length_at = _payload_length_offset(block, at)
        if length_at + 4 > len(block):
            break
        (length,) = struct.unpack_from(">I", block, length_at)
        end = length_at + 4 + length + length % 2
        found.append((number, block[at:end]))
        at = end
    return found


def _payload_length_offset(block: bytes, start: int) -> int:
    name = 1 + block[start + 6]
    return start + 6 + name + name % 2


def without_thumbnails(block: bytes) -> bytes | None:
    """Return the resources without previews, which show the unrestored picture; None if none remain."""
    kept = b"".join(record for number, record in parse_resources(block) if number not in THUMBNAIL_RESOURCES)
    return kept or None


def iptc_record(block: bytes) -> bytes | None:
    """Return the IPTC record among the resources; None if there is none."""
    for number, record in parse_resources(block):
        if number == IPTC_RESOURCE:
            length_at = _payload_length_offset(record, 0)
            (length,) = struct.unpack_from(">I", record, length_at)
            return record[length_at + 4 : length_at + 4 + length]
    return None


def make_resource(number: int, payload: bytes) -> bytes:
    """Return one image resource without a name."""
    return b"8BIM" + struct.pack(">HHI", number, 0, len(payload)) + payload + b"\0" * (len(payload) % 2)
