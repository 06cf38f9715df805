"""Maker notes: blocks of a maker's own form, whose offsets count from the file's start or from their own.

Source: ExifTool 12.57, MakerNotes.pm.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from facewatch.restoration.codecs.metadata.tiff_tags import (
    LONG,
    MAKER_NOTE,
    SIZES,
    UNDEFINED,
    ByteOrder,
    Directory,
    Tag,
)

MAX_GAP_BYTES = 1 << 18
"""The offset up to which a packed block keeps a maker note in its place."""
_MARGIN_BYTES = 1024
"""Bytes behind a note that stay with it: makers leave values there that no offset names."""
_MAX_HEAD_BYTES = 34
"""The longest maker's name before a maker note's directory."""
_MAX_ENTRIES = 400
_MAX_DIRECTORIES = 64
_IFD = 13
_SOUND_SHARE = 0.75
"""Of the entries of a directory; readers pass over a broken one."""
_ORDERS: Mapping[bytes, ByteOrder] = {b"II": "<", b"MM": ">"}

Span = tuple[int, int]
"""Begin and end in the block."""


class _Form(NamedTuple):
    """A form of notes whose offsets count from a place of their own; all counted from the note's start."""

    head: bytes
    start: int  # of the directory
    base: int  # from which offsets count
    mark: int  # of the byte-order mark; -1: little-endian, with the directory's start at 8


_FORMS = (
    _Form(b"Apple iOS\0", 14, 0, 12),
    _Form(b"FUJIFILM", 12, 0, -1),
    _Form(b"Nikon\0\x02", 18, 10, 10),
    _Form(b"OLYMPUS\0II", 12, 0, 8),
    _Form(b"OLYMPUS\0MM", 12, 0, 8),
    _Form(b"OM SYSTEM\0", 16, 0, 12),
    _Form(b"PENTAX \0", 10, 0, 8),
)


def pin(directory: Directory, block: bytes) -> tuple[Directory, set[Span]]:
    """Return the directory without the notes that would read otherwise in a packed block, and what has to
    keep its place there: notes whose offsets count from the block's start, and values outside of their note.

    block  the one that the directory was read from
    """
    children, spans = {}, set()
    for pointer, child in directory.children.items():
        children[pointer], found = pin(child, block)
        spans |= found
    tags, note = directory.tags, directory.tags.get(MAKER_NOTE)
    if note and note.offset >= 0:
        own = _fixed_spans(note, block, directory.order)
        if own is None:
            tags = {number: tag for number, tag in tags.items() if number != MAKER_NOTE}
        else:
            spans |= own
    return replace(directory, tags=tags, children=children), spans


def count(directory: Directory) -> int:
    """Return how many maker notes a directory and its subdirectories hold."""
    return (MAKER_NOTE in directory.tags) + sum(count(child) for child in directory.children.values())


def values_end(directory: Directory, block: bytes) -> int:
    """Return the first byte after all values in the block of a directory's notes; 0 without any.

    block  the one that the directory was read from
    """
    ends = [values_end(child, block) for child in directory.children.values()]
    note = directory.tags.get(MAKER_NOTE)
    if note and note.offset >= 0:
        found = _values_of_form(note, block) or _values_from(note, block, directory.order, 0)
        ends += [end for _, end in found if end <= len(block)]
    return max(ends, default=0)


def _fixed_spans(note: Tag, block: bytes, order: ByteOrder) -> set[Span] | None:
    """Return what of a note has to keep its place: nothing if it may be moved; None if that cannot be."""
    whole = (note.offset, note.offset + len(note.data))
    found = _values_of_form(note, block)
    if found is not None:
        outside = _outside(whole, found)
        if not outside:
            return set()
    else:
        outside = _values_elsewhere(note, block, order)
    fits = all(begin >= 8 and end <= min(len(block), 2 * MAX_GAP_BYTES) for begin, end in outside)
    if not fits or not 8 <= note.offset <= MAX_GAP_BYTES:
        return None
    return {whole, (whole[1], min(len(block), whole[1] + _MARGIN_BYTES)), *outside}


def _values_elsewhere(note: Tag, block: bytes, order: ByteOrder) -> list[Span]:
    """Return where values of a note of an unknown form lie outside of it; none if its offsets count from its
    own start, or if it is no directory.
    """
    whole = (note.offset, note.offset + len(note.data))
    outside = _outside(whole, _values_from(note, block, order, 0))
    if outside and _outside(whole, _values_from(note, block, order, note.offset)):
        return outside
    return []


def _outside(whole: Span, found: list[Span]) -> list[Span]:
    return [(begin, end) for begin, end in found if begin < whole[0] or end > whole[1]]


def _values_of_form(note: Tag, block: bytes) -> list[Span] | None:
    """Return where the values of a note lie; None if its form is not one whose offsets are known."""
    form = next((form for form in _FORMS if note.data.startswith(form.head)), None)
    if form is None:
        return None
    start, order = form.start, _ORDERS.get(note.data[form.mark : form.mark + 2], "<")
    if form.mark < 0:
        start, order = int.from_bytes(note.data[8:12], "little"), "<"
    return list(_values(block, note.offset + start, note.offset + form.base, order))


def _values_from(note: Tag, block: bytes, order: ByteOrder, base: int) -> list[Span]:
    """Return where the values of a note of an unknown form lie if its offsets count from `base`; none if it
    is no directory.
    """
    end = min(_MAX_HEAD_BYTES, len(note.data))
    inside, behind = range(note.offset, note.offset + end, 2), range(note.offset + end, note.offset + end + 1)
    for starts in (inside, behind):
        places = [(start, own) for start in starts for own in (order, *_ORDERS.values())]
        # A name's last bytes may look like a short directory before the true one.
        best = max(places, key=lambda place: _readable(block, *place))
        if _readable(block, *best):
            return list(_values(block, best[0], base, best[1]))
    return []


def _readable(block: bytes, start: int, order: ByteOrder) -> int:
    """Return how many values of the directory at `start` lie in the block; 0 if most do not, as in noise."""
    rows = _rows(block, start, order)
    sizes = ((SIZES.get(kind, 0) * items, value) for _, kind, items, value in rows)
    found = sum(size <= 4 or value + size <= len(block) for size, value in sizes)
    return found if 2 * found > len(rows) else 0


def _values(block: bytes, start: int, base: int, order: ByteOrder) -> Iterator[Span]:
    """Yield the places of a directory, of its values, and of those of the directories in it."""
    starts, seen = [start], set[int]()
    while starts and len(seen) < _MAX_DIRECTORIES:
        start = starts.pop()
        rows = _rows(block, start, order) if start not in seen else []
        seen.add(start)
        if rows:
            yield start, start + 2 + 12 * len(rows)
        for _, kind, items, value in rows:
            size, at = SIZES.get(kind, 0) * items, base + value
            if size > 4:
                yield at, at + size
            is_pointer = items == 1 and kind in (LONG, _IFD)
            if (is_pointer or (kind == UNDEFINED and size > 4)) and _readable(block, at, order):
                starts.append(at)


def _rows(block: bytes, start: int, order: ByteOrder) -> list[tuple[int, int, int, int]]:
    """Return the entries of the directory at `start`, of which few may be broken; none if there is none."""
    if not 0 <= start <= len(block) - 2:
        return []
    (items,) = struct.unpack_from(order + "H", block, start)
    if not 1 <= items <= _MAX_ENTRIES or start + 2 + 12 * items > len(block):
        return []
    rows = [struct.unpack_from(order + "HHII", block, start + 2 + 12 * index) for index in range(items)]
    known = sum(kind in SIZES and kind <= _IFD for _, kind, _, _ in rows)
    return rows if known >= _SOUND_SHARE * items else []
