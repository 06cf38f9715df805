"""A writer for tag directories: a new first directory for an existing block, or a whole block."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from facewatch.restoration.codecs.metadata import maker_notes
from facewatch.restoration.codecs.metadata.maker_notes import Span
from facewatch.restoration.codecs.metadata.tiff_tags import (
    ASCII,
    IMAGE_TAGS,
    LONG,
    MAKER_NOTE,
    RATIONAL,
    SHORT,
    ByteOrder,
    Directory,
    Layout,
    Tag,
    first_directory_offset,
    parse_layout,
    raw_entries,
    read_tag,
)

_WIDE = {16: ("Q", LONG, "I"), 17: ("q", 9, "i"), 18: ("Q", 13, "I")}
"""BigTIFF's kinds of 64-bit numbers: their code, and kind and code of 32-bit ones."""


def rewrite_directory(block: bytes, keep: Callable[[int], bool], changes: Mapping[int, Tag]) -> bytes:
    """Return the block with a new first directory at its end and no further pages.

    Everything else keeps its offset, so that offsets inside a maker note remain valid. Entries of unknown
    kinds are left out: sorted to the front they would stop readers.

    keep     returns whether the new directory has a tag of the old one
    changes  tags that are added or replaced, with data in the block's byte order
    """
    layout = parse_layout(block)
    old, _ = raw_entries(block, first_directory_offset(block), layout)
    rows = [
        (number, entry)
        for number, entry in _known_entries(block, old, layout)
        if keep(number) and number not in changes
    ]
    body = bytearray(block + b"\0" * (len(block) % 2))
    for number, tag in changes.items():
        rows.append((number, _entry(number, tag, len(body), layout)))
        if len(tag.data) > layout.inline_size:
            body += tag.data + b"\0" * (len(tag.data) % 2)
    struct.pack_into(layout.offset_format, body, layout.first_offset_at, len(body))
    rows.sort(key=lambda row: row[0])  # those of one number stay in their order
    body += struct.pack(layout.count_format, len(rows)) + b"".join(entry for _, entry in rows)
    return bytes(body + bytes(layout.inline_size))


def _known_entries(block: bytes, entries: Sequence[bytes], layout: Layout) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of the entries of known kinds.

    Of several with one number, those whose value is missing are left out, and all but the first of a tag
    that decoders need.
    """
    numbered = [(*struct.unpack_from(layout.order + "HH", entry), entry) for entry in entries]
    known = [(number, entry) for number, kind, entry in numbered if layout.knows(kind)]
    counts = Counter(number for number, _ in known)
    seen: set[int] = set()
    for number, entry in known:
        is_extra = number in seen and number in IMAGE_TAGS
        if counts[number] == 1 or not (is_extra or read_tag(block, entry, layout)[1] is None):
            seen.add(number)
            yield number, entry


def with_classic_header(data: bytes, order: ByteOrder, tags: Mapping[int, Tag]) -> bytes:
    """Return a BigTIFF file of less than 4 GiB as a TIFF file whose only directory holds the tags."""
    body = bytearray(data + b"\0" * (len(data) % 2))
    short = {number: shortened(tag, order) or tag for number, tag in tags.items()}
    offset = append_directory(body, order, short)
    body[:8] = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, offset)
    return bytes(body)


def shortened(tag: Tag, order: ByteOrder) -> Tag | None:
    """Return a tag with 32-bit numbers in place of BigTIFF's 64-bit ones; None if they are too large."""
    if tag.kind not in _WIDE:
        return tag
    wide, kind, narrow = _WIDE[tag.kind]
    values = struct.unpack(f"{order}{tag.count}{wide}", tag.data)
    try:
        return Tag(kind, tag.count, struct.pack(f"{order}{tag.count}{narrow}", *values))
    except struct.error:
        return None


def append_directory(body: bytearray, order: ByteOrder, tags: Mapping[int, Tag]) -> int:
    """Append values and a directory without a successor to a TIFF file, and return its offset.

    body  of even length
    """
    layout = Layout(order, big_tiff=False)
    rows = {}
    for number, tag in tags.items():
        rows[number] = _entry(number, tag, len(body), layout)
        if len(tag.data) > layout.inline_size:
            body += tag.data + b"\0" * (len(tag.data) % 2)
    offset = len(body)
    body += struct.pack(order + "H", len(rows)) + b"".join(rows[number] for number in sorted(rows)) + bytes(4)
    return offset


def _entry(number: int, tag: Tag, offset: int, layout: Layout) -> bytes:
    head = struct.pack(layout.order + "HH", number, tag.kind) + struct.pack(layout.offset_format, tag.count)
    if len(tag.data) <= layout.inline_size:
        return head + tag.data.ljust(layout.inline_size, b"\0")
    return head + struct.pack(layout.offset_format, offset)


def pack(directory: Directory, block: bytes = b"") -> bytes:
    """Return a whole block: the header, then the directories.

    A maker note may hold offsets that count from the block's start, so it keeps its place, with zeros before
    it; one that lies too far from the start, or has values elsewhere in the file, is left out.

    block  the one that the directory was read from
    """
    directory, fixed = maker_notes.pin(directory, block)
    body = bytearray(max((end for _, end in fixed), default=8))
    for begin, end in fixed:
        body[begin:end] = block[begin:end]
    body += b"\0" * (len(body) % 2)
    mark = {"<": b"II", ">": b"MM"}[directory.order]
    body[:8] = mark + struct.pack(directory.order + "HI", 42, len(body))
    return bytes(body) + _packed(directory, len(body), fixed)


def _packed(directory: Directory, start: int, fixed: Collection[Span]) -> bytes:
    """Return a directory with its subdirectories; `fixed` has the places of values written already."""
    layout = Layout(directory.order, big_tiff=False)
    short = {number: shortened(tag, directory.order) for number, tag in directory.tags.items()}
    rows = {number: tag for number, tag in short.items() if tag and layout.knows(tag.kind)}
    rows |= {number: Tag(LONG, 1, bytes(4)) for number in directory.children}
    after = start + 2 + 12 * len(rows) + 4
    table, body = [], bytearray()
    for number in sorted(rows):
        data, place = rows[number].data, rows[number].offset
        offset = after + len(body)
        if number in directory.children:
            data = struct.pack(layout.offset_format, offset)
            body += _packed(directory.children[number], offset, fixed)
        elif number == MAKER_NOTE and (place, place + len(data)) in fixed:
            offset = place
        elif len(data) > 4:
            body += data + b"\0" * (len(data) % 2)
        table.append(_entry(number, Tag(rows[number].kind, rows[number].count, data), offset, layout))
    return struct.pack(layout.count_format, len(table)) + b"".join(table) + bytes(4) + bytes(body)


def ascii_tag(value: str) -> Tag:
    """Return an ASCII tag; other characters are written as UTF-8, as readers expect."""
    data = value.encode() + b"\0"
    return Tag(ASCII, len(data), data)


def short_tag(order: ByteOrder, *values: int) -> Tag:
    """Return a SHORT tag; each value is 0-65535."""
    return Tag(SHORT, len(values), struct.pack(f"{order}{len(values)}H", *values))


def long_tag(order: ByteOrder, *values: int) -> Tag:
    """Return a LONG tag."""
    return Tag(LONG, len(values), struct.pack(f"{order}{len(values)}I", *values))


def rational_tag(order: ByteOrder, value: float) -> Tag:
    """Return a RATIONAL tag, rounded to a thousandth."""
    return Tag(RATIONAL, 1, struct.pack(order + "II", round(value * 1000), 1000))
