"""The tag directories that TIFF files and EXIF blocks are made of, read byte for byte.

Source of the layout: TIFF 6.0 (1992), section 2; BigTIFF's wider fields as libtiff has them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from facewatch.errors import TruncatedPhoto

EXIF, GPS, INTEROP = 0x8769, 0x8825, 0xA005
POINTERS: Mapping[int, tuple[int, ...]] = {0: (EXIF, GPS), EXIF: (INTEROP,)}
"""The tags that point to a further directory, by the tag of the directory they stand in (0: the first)."""

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
SIZES: Mapping[int, int] = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
}  # fmt: skip
Order: TypeAlias = Literal["<", ">"]

_EARLY = "the TIFF file ends before its tags: it may still be being copied"
MOST_TAGS = 4096
"""A directory that claims more is noise."""


class BrokenTagsError(ValueError):
    """The block holds no readable directory."""


@dataclass(frozen=True)
class Tag:
    """One tag; `data` in the byte order of its directory."""

    kind: int
    count: int
    data: bytes
    offset: int = -1  # where `data` lay in the block that was read


@dataclass(frozen=True)
class Directory:
    """One directory and those it points to."""

    order: Order  # "<" or ">"
    tags: dict[int, Tag]
    children: dict[int, Directory] = field(default_factory=dict)  # by the tag that points to it
    next_offset: int = 0
    end: int = 0  # the first byte after everything that was read for it

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The whole numbers of a tag; empty where it is missing or holds something else."""
        found = self.tags.get(tag)
        code = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(found.kind) if found else None
        if found is None or code is None:
            return ()
        return struct.unpack(f"{self.order}{found.count}{code}", found.data)

    def number(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        return next(iter(self.numbers(tag)), default)

    def resolution(self) -> tuple[float, float] | None:
        """Dots an inch, across and down, from XResolution, YResolution and ResolutionUnit."""
        unit = {2: 1.0, 3: 2.54}.get(self.number(296, 2))
        across, down = (self._ratio(tag) for tag in (282, 283))
        return (across * unit, down * unit) if unit and across > 0 and down > 0 else None

    def _ratio(self, tag: int) -> float:
        found = self.tags.get(tag)
        if found is None or found.kind != RATIONAL or found.count < 1:
            return 0.0
        above, below = struct.unpack_from(f"{self.order}II", found.data)
        return float(above / below) if below else 0.0


@dataclass(frozen=True)
class Layout:
    """How wide the fields of a block are."""

    order: Order
    big: bool

    @property
    def first_offset_at(self) -> int:
        return 8 if self.big else 4

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.big else "H")

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def entry_size(self) -> int:
        return 20 if self.big else 12

    @property
    def inline_size(self) -> int:
        return 8 if self.big else 4


def layout(block: bytes) -> Layout:
    """The byte order and width of a block.  Raises BrokenTagsError when it is no TIFF block."""
    orders: dict[bytes, Order] = {b"II": "<", b"MM": ">"}
    order = orders.get(block[:2])
    if order is None or len(block) < 8:
        raise BrokenTagsError("no byte-order mark")
    version = struct.unpack_from(order + "H", block, 2)[0]
    if version not in (42, 43) or (version == 43 and len(block) < 16):
        raise BrokenTagsError(f"version {version}")
    return Layout(order, version == 43)


def first_offset(block: bytes) -> int:
    """Where the first directory stands."""
    form = layout(block)
    return int(struct.unpack_from(form.offset, block, form.first_offset_at)[0])


def entries(block: bytes, offset: int, form: Layout) -> tuple[list[bytes], int]:
    """The raw entries of one directory and the next one's offset, -1 if cut off.

    Raises BrokenTagsError when they lie past the end.
    """
    try:
        (count,) = struct.unpack_from(form.count, block, offset)
        start = offset + struct.calcsize(form.count)
        end = start + count * form.entry_size
        whole = end + form.inline_size <= len(block)
        (following,) = struct.unpack_from(form.offset, block, end) if whole else (-1,)
    except struct.error as error:
        raise BrokenTagsError("a directory past the end") from error
    if end > len(block) or count > MOST_TAGS:
        raise BrokenTagsError("a directory past the end")
    return [block[at : at + form.entry_size] for at in range(start, end, form.entry_size)], int(following)


def read(block: bytes, offset: int | None = None, *, strict: bool = False, inside: int = 0) -> Directory:
    """A directory and the EXIF, GPS and interoperability directories below it.

    block   a TIFF file or an EXIF block
    offset  where the directory stands; None for the first
    strict  a value that lies past the block's end raises TruncatedPhoto; otherwise it is left out

    Raises BrokenTagsError when the directory itself cannot be read.
    """
    form = layout(block)
    at = first_offset(block) if offset is None else offset
    raw, following = entries(block, at, form)
    tags: dict[int, Tag] = {}
    for entry in raw:
        number, tag = _tag(block, entry, form)
        if tag is not None:
            tags.setdefault(number, tag)
        elif strict:
            raise TruncatedPhoto(_EARLY)
    children = {}
    own = Directory(form.order, tags)
    for pointer in POINTERS.get(inside, ()):
        target = own.number(pointer, 0)
        if strict and target >= len(block):
            raise TruncatedPhoto(_EARLY)
        if not target:
            continue
        try:
            children[pointer] = read(block, target, inside=pointer, strict=strict)
        except BrokenTagsError:
            tags.pop(pointer, None)
    ends = [at + 2 + len(raw) * form.entry_size + 4, *(tag.offset + len(tag.data) for tag in tags.values())]
    return Directory(
        form.order, tags, children, following, max(ends + [child.end for child in children.values()])
    )


def _tag(block: bytes, entry: bytes, form: Layout) -> tuple[int, Tag | None]:
    number, kind = struct.unpack_from(form.order + "HH", entry)
    (count,) = struct.unpack_from(form.offset, entry, 4)
    size = SIZES.get(kind, 1) * count
    place = 4 + form.inline_size
    if size <= form.inline_size:
        return number, Tag(kind, count, entry[place : place + size])
    (offset,) = struct.unpack_from(form.offset, entry, place)
    if offset + size > len(block):
        return number, None
    return number, Tag(kind, count, block[offset : offset + size], offset)


def pages(block: bytes) -> Iterator[Directory]:
    """The directories of a TIFF file, one a page, each read strictly."""
    seen: set[int] = set()
    offset = first_offset(block)
    while offset and offset not in seen:
        seen.add(offset)
        try:
            page = read(block, offset, strict=True)
        except BrokenTagsError as error:
            raise TruncatedPhoto(_EARLY) from error
        if page.next_offset < 0:
            raise TruncatedPhoto(_EARLY)
        yield page
        offset = page.next_offset
