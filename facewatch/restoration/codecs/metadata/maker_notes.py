"""Maker notes: blocks of a maker's own form, whose offsets count from the file's start or from their own.

Source: ExifTool 12.57, MakerNotes.pm.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
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
"""How far from the start a maker note keeps its place when a block is packed."""
_STARTS = range(0, 34, 2)
"""Where a maker note's directory may begin, after the maker's name."""
_MAX_ENTRIES = 400
_MAX_DEPTH = 3
_IFD = 13

Span = tuple[int, int]
"""Begin and end in the block."""


class _Form(NamedTuple):
    """A form of notes whose offsets count from a place of their own; all counted from the note's start."""

    head: bytes
    start: int  # of the directory
    base: int  # from which offsets count
    mark: int  # of the byte-order mark; -1: always little-endian


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


def _fixed_spans(note: Tag, block: bytes, order: ByteOrder) -> set[Span] | None:
    """Return what of a note has to keep its place: nothing if it may be moved; None if that cannot be."""
    whole = (note.offset, note.offset + len(note.data))
    form = next((form for form in _FORMS if note.data.startswith(form.head)), None)
    if form is None:
        outside = set()
        if reaches_outside(note, order):
            return None
    else:
        own_order: ByteOrder = ">" if note.data[form.mark :][:2] == b"MM" and form.mark >= 0 else "<"
        values = _values(block, note.offset + form.start, note.offset + form.base, own_order)
        outside = {span for span in values if span[0] < whole[0] or span[1] > whole[1]}
        if not outside:
            return set()
    if not 8 <= note.offset <= MAX_GAP_BYTES:
        return None
    fits = all(begin >= 8 and end <= min(len(block), 2 * MAX_GAP_BYTES) for begin, end in outside)
    return {whole, *outside} if fits else None


def _values(block: bytes, start: int, base: int, order: ByteOrder, depth: int = 0) -> Iterator[Span]:
    """Yield where the values of a note's directory lie, and those of the directories in it."""
    for _, kind, items, value in _rows(block, start, order):
        size, at = SIZES[kind] * items, base + value
        if size > 4:
            yield at, at + size
        is_pointer = items == 1 and kind in (LONG, _IFD)
        if depth < _MAX_DEPTH and (is_pointer or (kind == UNDEFINED and size > 4)):
            inner = _rows(block, at, order)
            if inner or kind == _IFD:
                yield at, at + 2 + 12 * len(inner) + 4
                yield from _values(block, at, base, order, depth + 1)


def reaches_outside(note: Tag, order: ByteOrder) -> bool:
    """Return whether a note of an unknown form is a directory with values that lie outside of it."""
    other: ByteOrder = "<" if order == ">" else ">"
    for start in _STARTS:
        rows = _rows(note.data, start, order) or _rows(note.data, start, other)
        if rows:
            sizes = [(SIZES[kind] * items, value) for _, kind, items, value in rows]
            last = len(note.data)
            return any(
                size > 4 and not (note.offset <= at <= note.offset + last - size or 0 <= at <= last - size)
                for size, at in sizes
            )
    return False


def _rows(data: bytes, start: int, order: ByteOrder) -> list[tuple[int, int, int, int]]:
    """Return the entries of the directory at `start`; none if there is no directory."""
    if not 0 <= start <= len(data) - 2:
        return []
    (items,) = struct.unpack_from(order + "H", data, start)
    if not 2 <= items <= _MAX_ENTRIES or start + 2 + 12 * items > len(data):
        return []
    rows = [struct.unpack_from(order + "HHII", data, start + 2 + 12 * index) for index in range(items)]
    return rows if all(1 <= kind <= 13 and kind in SIZES for _, kind, _, _ in rows) else []
