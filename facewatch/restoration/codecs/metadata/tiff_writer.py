"""Tag directories written: a new first one for an old block, or a whole block."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from facewatch.restoration.codecs.metadata.tiff_tags import (
    ASCII,
    LONG,
    RATIONAL,
    SHORT,
    Directory,
    Layout,
    Order,
    Tag,
    entries,
    first_offset,
    layout,
)


def amended(block: bytes, keep: Callable[[int], bool], put: Mapping[int, Tag]) -> bytes:
    """The block with a new first directory at its end and no further ones.

    Everything else stays where it is, so that offsets inside a maker note remain right.

    keep  says for a tag of the old directory whether the new one has it
    put   tags that are added or take an old one's place, data in the block's byte order
    """
    form = layout(block)
    old, _ = entries(block, first_offset(block), form)
    kept = {struct.unpack_from(form.order + "H", entry)[0]: entry for entry in reversed(old)}
    rows = {number: entry for number, entry in kept.items() if keep(number) and number not in put}
    body = bytearray(block + b"\0" * (len(block) % 2))
    for number, tag in put.items():
        rows[number] = _entry(number, tag, len(body), form)
        if len(tag.data) > form.inline_size:
            body += tag.data + b"\0" * (len(tag.data) % 2)
    struct.pack_into(form.offset, body, form.first_offset_at, len(body))
    body += struct.pack(form.count, len(rows)) + b"".join(rows[number] for number in sorted(rows))
    return bytes(body + bytes(form.inline_size))


def _entry(number: int, tag: Tag, offset: int, form: Layout) -> bytes:
    head = struct.pack(form.order + "HH", number, tag.kind) + struct.pack(form.offset, tag.count)
    if len(tag.data) <= form.inline_size:
        return head + tag.data.ljust(form.inline_size, b"\0")
    return head + struct.pack(form.offset, offset)


def pack(directory: Directory) -> bytes:
    """A whole block: header, then the directories."""
    header = {"<": b"II", ">": b"MM"}[directory.order] + struct.pack(directory.order + "HI", 42, 8)
    return header + _packed(directory, 8)


def _packed(directory: Directory, start: int) -> bytes:
    form = Layout(directory.order, big=False)
    rows = dict(directory.tags)
    rows |= {number: Tag(LONG, 1, bytes(4)) for number in directory.children}
    after = start + 2 + 12 * len(rows) + 4
    table, body = [], bytearray()
    for number in sorted(rows):
        data = rows[number].data
        place = after + len(body)
        if number in directory.children:
            data = struct.pack(form.offset, place)
            body += _packed(directory.children[number], place)
        elif len(data) > 4:
            body += data + b"\0" * (len(data) % 2)
        table.append(_entry(number, Tag(rows[number].kind, rows[number].count, data), place, form))
    return struct.pack(form.count, len(table)) + b"".join(table) + bytes(4) + bytes(body)


def text(value: str) -> Tag:
    """An ASCII tag; what is not ASCII goes in as UTF-8, as readers expect it."""
    data = value.encode() + b"\0"
    return Tag(ASCII, len(data), data)


def shorts(order: Order, *values: int) -> Tag:
    """A SHORT tag, each 0-65535."""
    return Tag(SHORT, len(values), struct.pack(f"{order}{len(values)}H", *values))


def longs(order: Order, *values: int) -> Tag:
    """A LONG tag."""
    return Tag(LONG, len(values), struct.pack(f"{order}{len(values)}I", *values))


def ratio(order: Order, value: float) -> Tag:
    """A RATIONAL tag, to a thousandth."""
    return Tag(RATIONAL, 1, struct.pack(order + "II", round(value * 1000), 1000))
