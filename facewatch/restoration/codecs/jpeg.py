"""JPEG segments: the picture separated from its metadata.

Source: ITU T.81, annex B; XMP specification part 3, section 1.1.3; ICC.1:2022, annex B.4.
"""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

from facewatch.errors import TruncatedPhoto
from facewatch.restoration.codecs import jpeg_tail
from facewatch.restoration.codecs.metadata import exif, xmp, xmp_merge
from facewatch.restoration.codecs.photo import CREDENTIALS, Metadata

EXIF = b"Exif\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
ICC = b"ICC_PROFILE\0"
GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
RESOURCES = b"Photoshop 3.0\0"
APP0, APP1, APP2, APP11, APP13, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xEF
COMMENT, SCAN = 0xFE, 0xDA
FRAMES = (0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB)
_LINES = b"\xff\xdc\0\4"  # the segment after the first scan that gives the height
REBUILT = (
    (APP0, b"JFIF\0"), (APP0, b"JFXX\0"), (APP1, EXIF), (APP1, XMP), (APP1, EXTENDED_XMP), (APP2, ICC),
    (APP13, RESOURCES), (APP14, b"Adobe"),
)  # fmt: skip
"""The application segments that are read and rewritten; JFXX is a thumbnail."""
STALE = {
    (APP11, b"JP"): CREDENTIALS,
    (APP11, b"HDR_RI"): "HDR data (JPEG-HDR)",
}
RESOURCE_SIGNATURES = (b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa")
"""The first of Photoshop's, the others of PhotoDeluxe and ImageReady."""
THUMBNAIL_RESOURCES, IPTC_RESOURCE = (1033, 1036), 0x0404
JFIF_BYTES = 14
MAX_SEGMENT_BYTES = 65_533
MAX_XMP_BYTES = MAX_SEGMENT_BYTES - len(XMP)

INCOMPLETE = "the JPEG file is incomplete: it is damaged or still being copied; facewatch tries it again"


class Parts(NamedTuple):
    """A JPEG file, taken apart."""

    picture: bytes  # the file with nothing but the picture
    metadata: Metadata
    ended: bool  # False: the end mark is missing


def split(data: bytes) -> Parts:
    """Take a file apart.

    Raises TruncatedPhoto when the file ends before the picture.
    """
    kept, segments, at = [data[:2]], [], 2
    index, index_at = None, 0
    while True:
        at = data.find(b"\xff", at)
        while at >= 0 and data[at + 1 : at + 2] == b"\xff":
            at += 1
        if at < 0 or at + 4 > len(data):
            raise TruncatedPhoto(INCOMPLETE)
        marker = data[at + 1]
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD9:  # stray bytes and markers without a length
            at += 2
            continue
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == SCAN:
            break
        payload = data[at + 4 : end]
        if marker == COMMENT or (APP0 <= marker <= APP15):
            segments.append((marker, payload))
        if _is_of_picture(marker, payload):
            kept.append(data[at:end])
        if (marker, payload[:4]) == (APP2, jpeg_tail.MPF) and index is None:
            index, index_at = payload[4:], at + 8
        at = end
    end = jpeg_tail.scan_end(data, at)
    scans = data[at:end] if end > 0 else data[at:]
    tail = jpeg_tail.parse(data, _tail_start(data, end), index, index_at) if end > 0 else ()
    picture = b"".join([*(_with_height(part, scans) for part in kept), scans])
    return Parts(picture, _metadata(segments, tail), scans.endswith(jpeg_tail.END))


def _tail_start(data: bytes, end: int) -> int:
    """Return where the data behind a picture begins; a start mark that no picture follows is none of it."""
    is_stray = data[end : end + 2] == jpeg_tail.START and data[end + 2 : end + 3] != b"\xff"
    return end + 2 if is_stray else end


def _with_height(segment: bytes, scans: bytes) -> bytes:
    """Return a frame's header that has no height with the one that follows the first scan."""
    if segment[1] not in FRAMES or segment[5:7] != b"\0\0":
        return segment
    at = scans.find(_LINES)
    return segment if at < 0 else segment[:5] + scans[at + 4 : at + 6] + segment[7:]


def _is_of_picture(marker: int, payload: bytes) -> bool:
    """Return whether a decoder needs a segment; a JFIF one that is too short is nothing to it."""
    if marker == APP0:
        return payload.startswith(b"JFIF\0") and len(payload) >= JFIF_BYTES
    is_application = marker == COMMENT or APP0 < marker <= APP15
    return not is_application or (marker == APP14 and payload.startswith(b"Adobe"))


def _metadata(segments: list[tuple[int, bytes]], tail: tuple[jpeg_tail.TailPart, ...]) -> Metadata:
    def payloads(marker: int, head: bytes) -> list[bytes]:
        return [
            payload[len(head) :] for kind, payload in segments if kind == marker and payload.startswith(head)
        ]

    blocks = _join_exif([payload[1:] for payload in payloads(APP1, EXIF)])
    block = blocks[0] if blocks else b""
    packets, extended = payloads(APP1, XMP), payloads(APP1, EXTENDED_XMP)
    extensions, lost = _join_extensions(extended)
    found = xmp_merge.merge([*packets, *extensions])
    resources = b"".join(payloads(APP13, RESOURCES))
    lost += [words for (marker, head), words in STALE.items() if payloads(marker, head)]
    others = [
        (kind, payload)
        for kind, payload in segments
        if kind != COMMENT and not any(kind == m and payload.startswith(h) for m, h in (*REBUILT, *STALE))
    ]
    profile_parts = payloads(APP2, ICC)
    profile = _join_icc(profile_parts)
    if profile_parts and profile is None:
        lost.append("an ICC profile of which parts are missing in the original")
    exif_block = exif.tiff_block(block)
    if block and exif_block is None:
        lost.append(exif.UNREADABLE)
    if len(blocks) > 1:
        lost.append("a second EXIF block")
    return Metadata(
        exif=exif_block,
        xmp=found.packet,
        unreadable_xmp=found.unreadable,
        icc=profile,
        pixel_shape=_pixel_shape(payloads(APP0, b"JFIF\0")),
        resources=without_thumbnails(resources) if resources else None,
        comments=tuple(payload for kind, payload in segments if kind == COMMENT),
        segments=tuple(others),
        tail=tail,
        lost=(*lost, *found.notes),
    )


def _pixel_shape(jfif: list[bytes]) -> tuple[int, int] | None:
    """Return the density across and down that a JFIF segment gives without a unit; None for square pixels.

    Source: JFIF 1.02 (1992), "Units": 0 means that the two only give the pixels' aspect ratio.
    """
    if not jfif or len(jfif[0]) < JFIF_BYTES - 5 or jfif[0][2] != 0:
        return None
    across, down = struct.unpack_from(">HH", jfif[0], 3)
    return (across, down) if across and down and across != down else None


def with_pixel_shape(picture: bytes, shape: tuple[int, int]) -> bytes:
    """Return a JPEG file of Pillow with densities without a unit in its JFIF segment, if it has one."""
    if picture[6:11] != b"JFIF\0":
        return picture
    scale = min(1.0, 65_535 / max(shape))
    across, down = (max(1, round(side * scale)) for side in shape)
    return picture[:13] + struct.pack(">BHH", 0, across, down) + picture[18:]


def _join_exif(parts: list[bytes]) -> list[bytes]:
    """Return the different EXIF blocks: a part without a header continues the block before it."""
    blocks: list[bytes] = []
    for part in parts:
        if blocks and part[:4] not in (b"II*\0", b"MM\0*"):
            blocks[-1] += part
        else:
            blocks.append(part)
    return list(dict.fromkeys(blocks))


def _join_icc(parts: list[bytes]) -> bytes | None:
    """Return the profile joined from its parts; None if a part is missing."""
    numbered = {part[0]: part[2:] for part in parts if len(part) > 2}
    total = parts[0][1] if parts and len(parts[0]) > 2 else 0
    if not total or sorted(numbered) != list(range(1, total + 1)):
        return None
    return b"".join(numbered[number] for number in sorted(numbered))


def _join_extensions(parts: list[bytes]) -> tuple[list[bytes], list[str]]:
    """Return the extended packets, and what is missing of them, in words.

    parts  each begins with the extension's digest, full length and the part's offset
    """
    joined: list[bytes] = []
    lost: list[str] = []
    for digest in dict.fromkeys(part[:32] for part in parts):
        own = {
            struct.unpack_from(">I", part, 36)[0]: part[40:]
            for part in parts
            if len(part) > 40 and part[:32] == digest
        }
        extension = b"".join(own[offset] for offset in sorted(own))
        total = next((struct.unpack_from(">I", part, 32)[0] for part in parts if part[:32] == digest), 0)
        if own and total == len(extension):
            joined.append(extension)
        else:
            lost.append("extended XMP, of which parts are missing in the original")
    return joined, lost


def _digest(extension: bytes) -> str:
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper()


def metadata_segments(metadata: Metadata) -> bytes:
    """Return the segments that Pillow has no option for: XMP (perhaps several), IPTC, comments and others."""
    parts = _xmp_segments(metadata.xmp) if metadata.xmp else []
    parts += [(APP1, XMP + packet) for packet in metadata.unreadable_xmp if len(packet) <= MAX_XMP_BYTES]
    if metadata.resources:
        room = MAX_SEGMENT_BYTES - len(RESOURCES)
        block = metadata.resources
        parts += [(APP13, RESOURCES + block[at : at + room]) for at in range(0, len(block), room)]
    parts += [(COMMENT, comment) for comment in metadata.comments]
    kinds = {part.kind for part in metadata.tail}
    parts += [
        (marker, payload)
        for marker, payload in metadata.segments
        if not (marker == APP2 and payload.startswith(jpeg_tail.MPF) and not kinds)
        and not (marker == APP2 and payload.startswith(GAIN_MAP) and "gain map" not in kinds)
    ]
    return b"".join(struct.pack(">BBH", 0xFF, marker, len(part) + 2) + part for marker, part in parts)


def _xmp_segments(packet: bytes) -> list[tuple[int, bytes]]:
    """Return one segment, or one with the provenance and further ones with a packet too long for it."""
    if len(packet) <= MAX_XMP_BYTES:
        return [(APP1, XMP + packet)]
    digest = _digest(packet)
    head = EXTENDED_XMP + digest.encode() + struct.pack(">I", len(packet))
    room = MAX_SEGMENT_BYTES - len(head) - 4
    starts = range(0, len(packet), room)
    rest = [(APP1, head + struct.pack(">I", at) + packet[at : at + room]) for at in starts]
    return [(APP1, XMP + xmp.standard_packet(packet, digest)), *rest]


def segment_name(marker: int, payload: bytes) -> str:
    """Return the name of an application segment: its number and the text it begins with."""
    name = payload[:32].split(b"\0", 1)[0]
    text = name.decode("ascii", "replace") if name.isalnum() else ""
    return f"APP{marker - APP0} {text}".rstrip()


def parse_resources(block: bytes) -> list[tuple[int, bytes]]:
    """Return Photoshop's image resources, id and whole record, up to the first unreadable one."""
    found, at = [], 0
    while block[at : at + 4] in RESOURCE_SIGNATURES and at + 12 <= len(block):
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
    records = parse_resources(block)
    rest = block[sum(len(record) for _, record in records) :]  # what cannot be read stays as it is
    kept = b"".join(record for number, record in records if number not in THUMBNAIL_RESOURCES)
    return (kept + rest) or None


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
