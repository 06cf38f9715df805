"""Data behind a JPEG's end mark: further pictures, gain maps, films, and the trailers of makers.

Sources: CIPA DC-007 (Multi-Picture Format, 2009), section 5; Google's Ultra HDR Image Format 1.1 and Motion
Photo Format 1.0; ITU T.81, annex B.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from facewatch.restoration.codecs.metadata import tiff_tags
from facewatch.restoration.codecs.metadata.tiff_tags import BrokenTagsError

MPF = b"MPF\0"
START, END = b"\xff\xd8", b"\xff\xd9"
_FILM = re.compile(rb"\0\0\0[\x0c-\xfc]ftyp[ -~]{4}(?=.{0,240}?(?:moov|mdat|free|wide|skip|uuid))", re.DOTALL)
_FILM_NAME = re.compile(rb"\0\0.{6}MotionPhoto_Data", re.DOTALL)
_FILM_NAME_BYTES = 24
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_WITH_LENGTH = {0xC4, 0xCC, *range(0xDA, 0xE0), *range(0xE0, 0xF0), 0xFE}
_ENTRIES, _ENTRY_BYTES = 0xB002, 16
_PREVIEW_TYPES = (0x010001, 0x010002)
_GAIN_MAP = re.compile(rb"urn:iso:std:iso:ts:21496:-1|hdr-gain-map/1\.0/|:hdrgainmap")
_HEAD_BYTES = 1 << 17  # of a picture, that names its purpose

Kind = Literal["picture", "gain map", "preview", "film", "other"]


@dataclass(frozen=True)
class TailPart:
    """One piece of the data behind the end mark."""

    kind: Kind
    data: bytes
    entry: int = -1  # its number in the index of the Multi-Picture Format; -1 if it has none


def scan_end(data: bytes, at: int) -> int:
    """Return the offset after the picture whose scan begins at `at`; -1 if it has no end.

    A picture without an end mark ends where a film or another start mark follows: some programs write the one
    mark for the other, and some put pictures one after another without end marks.
    """
    film = _film_start(data, at)
    while found := _MARKER.search(data, at):
        if 0 <= film <= found.start():
            return film
        at, marker = found.end(), found[1][0]
        if marker == END[1]:
            return at
        if marker == START[1]:
            return at - len(START)
        if marker in _WITH_LENGTH and at + 2 <= len(data):
            at += struct.unpack_from(">H", data, at)[0]
    return film


def _film_start(data: bytes, at: int) -> int:
    """Return where a film begins, with the name that Samsung's phones put before it; -1 without one.

    Source: ISO/IEC 14496-12, section 4.3: a film begins with a box that names its kind.
    """
    found = data.find(b"ftyp", at)
    while found >= 0 and not _FILM.match(data, found - 4):
        found = data.find(b"ftyp", found + 4)
    if found < 0:
        return -1
    start = found - 4
    return start - _FILM_NAME_BYTES if _FILM_NAME.match(data, start - _FILM_NAME_BYTES) else start


def picture_end(data: bytes, start: int) -> int:
    """Return the offset after the JPEG that begins at `start`; -1 if it has no end."""
    return scan_end(data, start + 2) if data[start : start + 3] == b"\xff\xd8\xff" else -1


def parse(data: bytes, start: int, index: bytes | None, index_at: int) -> tuple[TailPart, ...]:
    """Return the parts of a file's data from `start` on, in their order; none for mere padding.

    index     the Multi-Picture Format's block, from its byte-order mark on
    index_at  its offset in the file, to which its own offsets refer
    """
    if not data[start:].strip(b"\0\xff \r\n"):
        return ()
    parts: list[TailPart] = []
    at = start
    for number, kind, offset, size in sorted(_listed(index), key=lambda entry: entry[2]):
        begin = index_at + offset
        if offset == 0 or begin < at or begin + size > len(data):
            continue
        parts += _unlisted(data[at:begin])
        picture = data[begin : begin + size]
        parts.append(TailPart(_kind_of(picture, kind), picture, number))
        at = begin + size
    parts += _unlisted(data[at:])
    return tuple(parts)


def _listed(index: bytes | None) -> list[tuple[int, int, int, int]]:
    """Return number, type, offset and size of the pictures in the index."""
    table = _table(index)
    if index is None or table is None:
        return []
    at, count, order = table
    found = []
    for number in range(count):
        attributes, size, offset = struct.unpack_from(order + "III", index, at + number * _ENTRY_BYTES)
        found.append((number, attributes & 0xFFFFFF, offset, size))
    return found


def _table(index: bytes | None) -> tuple[int, int, str] | None:
    """Return offset, length and byte order of the index's table; None without a readable one."""
    if index is None:
        return None
    try:
        directory = tiff_tags.read_directory(index)
    except BrokenTagsError:
        return None
    entries = directory.tags.get(_ENTRIES)
    if entries is None or entries.offset < 0:
        return None
    return entries.offset, len(entries.data) // _ENTRY_BYTES, directory.order


def _kind_of(picture: bytes, listed: int = 0) -> Kind:
    if _GAIN_MAP.search(picture, 0, _HEAD_BYTES):
        return "gain map"
    return "preview" if listed in _PREVIEW_TYPES else "picture"


def _unlisted(data: bytes) -> list[TailPart]:
    """Return the parts of data that no index describes: JPEG files, then a film or anything else."""
    parts: list[TailPart] = []
    at = 0
    while (end := picture_end(data, at)) > 0:
        parts.append(TailPart(_kind_of(data[at:end]), data[at:end]))
        at = end
    rest = data[at:]
    if rest.strip(b"\0"):
        parts.append(
            TailPart("film" if b"ftyp" in rest[4:8] or b"MotionPhoto_Data" in rest else "other", rest)
        )
    elif rest and parts:  # padding before a listed picture
        parts.append(TailPart("other", rest))
    return parts


def turned(parts: Sequence[TailPart], turn: Callable[[bytes], bytes]) -> tuple[TailPart, ...]:
    """Return the parts with the pictures that lie as the main picture does turned by `turn`."""
    return tuple(
        replace(part, data=turn(part.data)) if part.kind in ("gain map", "picture") else part
        for part in parts
    )


def append(picture: bytes, parts: Sequence[TailPart]) -> bytes:
    """Return a JPEG file followed by the parts, with the index in its header set to their places."""
    body, at = [picture], len(picture)
    places: dict[int, tuple[int, int]] = {}
    for part in parts:
        places[part.entry] = (at, len(part.data))
        body.append(part.data)
        at += len(part.data)
    whole = bytearray(b"".join(body))
    index_at = _index_offset(picture)
    table = _table(picture[index_at:]) if index_at > 0 else None
    if table is None:
        return bytes(whole)
    start, count, order = table
    for number in range(count):
        place, size = (index_at, len(picture)) if number == 0 else places.get(number, (index_at, 0))
        struct.pack_into(
            order + "II", whole, index_at + start + number * _ENTRY_BYTES + 4, size, place - index_at
        )
    return bytes(whole)


def reaches_past_end(data: bytes) -> bool:
    """Return whether a JPEG file's index lists a picture beyond the file's end."""
    index_at = _index_offset(data)
    listed = _listed(data[index_at:]) if index_at > 0 else []
    return any(offset and index_at + offset + size > len(data) for _, _, offset, size in listed)


def _index_offset(picture: bytes) -> int:
    """Return the offset of the index's block in a JPEG file's header; -1 if it has none."""
    at = 2
    while at + 4 <= len(picture) and picture[at] == 0xFF and picture[at + 1] != 0xDA:
        if picture[at + 1] == 0xE2 and picture[at + 4 : at + 8] == MPF:
            return at + 8
        at += 2 + int(struct.unpack_from(">H", picture, at + 2)[0])
    return -1
