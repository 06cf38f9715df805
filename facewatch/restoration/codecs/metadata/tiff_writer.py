"""A writer for tag directories: a new first directory for an existing block, or a whole block."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from facewatch.restoration.codecs.metadata.tiff_tags import (
    ASCII,
    LONG,
    RATIONAL,
    SHORT,
    ByteOrder,
    Directory,
    Layout,
    Tag,
    first_directory_offset,
    parse_layout,
    raw_entries,
)


def rewrite_directory(block: bytes, keep: Callable[[int], bool], changes: Mapping[int, Tag]) -> bytes:
    """Return the block with a new first directory at its end and no further pages.

    Everything else keeps its offset, so that offsets inside a maker note remain valid.

    keep     returns whether the new directory has a tag of the old one
    changes  tags that are added or replaced, with data in the block's byte order
    """
    layout = parse_layout(block)
    old, _ = raw_entries(block, first_directory_offset(block), layout)
    kept = {struct.unpack_from(layout.order + "H", entry)[0]: entry for entry in reversed(old)}
    rows = {number: entry for number, entry in kept.items() if keep(number) and number not in changes}
    body = bytearray(block + b"\0" * (len(block) % 2))
    for number, tag in changes.items():
        rows[number] = _entry(number, tag, len(body), layout)
        if len(tag.data) > layout.inline_size:
            body += tag.data + b"\0" * (len(tag.data) % 2)
    struct.pack_into(layout.offset_format, body, layout.first_offset_at, len(body))
    body += struct.pack(layout.count_format, len(rows)) + b"".join(rows[number] for number in sorted(rows))
    return bytes(body + bytes(layout.inline_size))


def _entry(number: int, tag: Tag, offset: int, layout: Layout) -> bytes:
    head = struct.pack(layout.order + "HH", number, tag.kind) + struct.pack(layout.offset_format, tag.count)
    if len(tag.data) <= layout.inline_size:
        return head + tag.data.ljust(layout.inline_size, b"\0")
    return head + struct.pack(layout.offset_format, offset)


def pack(directory: Directory) -> bytes:
    """Return a whole block: the header, then the directories."""
    header = {"<": b"II", ">": b"MM"}[directory.order] + struct.pack(directory.order + "HI", 42, 8)
    return header + _packed(directory, 8)


def _packed(directory: Directory, start: int) -> bytes:
    layout = Layout(directory.order, big_tiff=False)
    rows = dict(directory.tags)
    rows |= {number: Tag(LONG, 1, bytes(4)) for number in directory.children}
    after = start + 2 + 12 * len(rows) + 4
    table, body = [], bytearray()
    for number in sorted(rows):
        data = rows[number].data
        offset = after + len(body)
        if number in directory.children:
            data = struct.pack(layout.offset_format, offset)
            body += _packed(directory.children[number], offset)
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
