"""A reader for the tag directories of TIFF files and EXIF blocks.

Source of the layout: TIFF 6.0 (1992), section 2; BigTIFF's wider fields as in libtiff.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from facewatch.errors import TruncatedPhoto

EXIF, GPS, INTEROP = 0x8769, 0x8825, 0xA005
RARE_POINTERS = (0x0190, 0x8290, 0x888A, 0xC6F5, 0xFE00)
"""Of fax machines, Kodak's and Leaf's cameras and DNG's profiles; programs may use the numbers otherwise."""
POINTERS: Mapping[int, tuple[int, ...]] = {
    0: (EXIF, GPS, *RARE_POINTERS),
    EXIF: (INTEROP, *RARE_POINTERS),
}
"""The tags that point to a subdirectory, by the tag of the directory that holds them (0: the first)."""

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
SIZES: Mapping[int, int] = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
}  # fmt: skip
IMAGE_TAGS = frozenset(
    {*range(254, 260), *range(262, 267), 273, *range(277, 282), 284, *range(290, 294), 317, 320}
    | {*range(322, 326), *range(332, 337), *range(338, 348), *range(512, 522), *range(529, 533)}
)
"""The tags of a TIFF page that a decoder needs; of several with one number, decoders take the first."""
_FIRST_COUNTS = IMAGE_TAGS | {0x010E, 0x0112, 0x011A, 0x011B, 0x0128, 0x013F, 0x0213, 0xA403}
"""The tags of which the first counts in ExifTool too ("Priority 0"): description, orientation, resolution,
colours of the primaries, place of YCbCr samples, white balance."""
UTF8 = 129  # of EXIF 3.0
_POINTER_KINDS = (LONG, 13, 16, 18)
MAKER_NOTE = 0x927C
ByteOrder: TypeAlias = Literal["<", ">"]

INCOMPLETE = "the TIFF file is incomplete: it is damaged or still being copied; facewatch tries it again"
MAX_TAGS = 4096
"""A directory with a higher count is noise."""


class BrokenTagsError(ValueError):
    """The block holds no readable directory."""


@dataclass(frozen=True)
class Tag:
    """One tag; `data` in the byte order of its directory."""

    kind: int
    count: int
    data: bytes
    offset: int = -1  # of `data` in the block that was read; -1 if inline


@dataclass(frozen=True)
class Directory:
    """One directory and its subdirectories."""

    order: ByteOrder  # of all numbers: "<" or ">"
    tags: dict[int, Tag]
    children: dict[int, Directory] = field(default_factory=dict)  # by the tag that points to it
    next_offset: int = 0
    end: int = 0  # the first byte after everything read for it
    repeated: frozenset[int] = frozenset()  # pointers to several subdirectories, of which one is read

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the integers of a tag; empty if it is missing or of another kind."""
        found = self.tags.get(tag)
        code = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(found.kind) if found else None
        if found is None or code is None:
            return ()
        return struct.unpack(f"{self.order}{found.count}{code}", found.data)

    def number(self, tag: int, default: int) -> int:
        """Return the first integer of a tag, or `default`."""
        return next(iter(self.numbers(tag)), default)

    def resolution(self) -> tuple[float, float] | None:
        """Return dots an inch, across and down, from XResolution, YResolution and ResolutionUnit."""
        unit = {2: 1.0, 3: 2.54}.get(self.number(296, 2))
        across, down = (self._ratio(tag) for tag in (282, 283))
        return (across * unit, down * unit) if unit and across > 0 and down > 0 else None

    def _ratio(self, tag: int) -> float:
        found = self.tags.get(tag)
        if found is None or found.kind != RATIONAL or found.count < 1:
            return 0.0
        numerator, denominator = struct.unpack_from(f"{self.order}II", found.data)
        return float(numerator / denominator) if denominator else 0.0


@dataclass(frozen=True)
class Layout:
    """The byte order and field widths of a block."""

    order: ByteOrder
    big_tiff: bool

    def knows(self, kind: int) -> bool:
        """True if readers know the kind of a value; many give up at an unknown one."""
        return 1 <= kind <= 13 or kind == UTF8 or (self.big_tiff and 16 <= kind <= 18)

    @property
    def first_offset_at(self) -> int:
        return 8 if self.big_tiff else 4

    @property
    def count_format(self) -> str:
        return self.order + ("Q" if self.big_tiff else "H")

    @property
    def offset_format(self) -> str:
        return self.order + ("Q" if self.big_tiff else "I")

    @property
    def entry_size(self) -> int:
        return 20 if self.big_tiff else 12

    @property
    def inline_size(self) -> int:
        return 8 if self.big_tiff else 4


def parse_layout(block: bytes) -> Layout:
    """Read the byte order and field widths of a block.  Raises BrokenTagsError when it is no TIFF block."""
    orders: dict[bytes, ByteOrder] = {b"II": "<", b"MM": ">"}
    order = orders.get(block[:2])
    if order is None or len(block) < 8:
        raise BrokenTagsError("no byte-order mark")
    version = struct.unpack_from(order + "H", block, 2)[0]
    if version not in (42, 43) or (version == 43 and len(block) < 16):
        raise BrokenTagsError(f"version {version}")
    return Layout(order, version == 43)


def first_directory_offset(block: bytes) -> int:
    """Return the offset of the first directory."""
    layout = parse_layout(block)
    return int(struct.unpack_from(layout.offset_format, block, layout.first_offset_at)[0])


def raw_entries(block: bytes, offset: int, layout: Layout) -> tuple[list[bytes], int]:
    """Return the raw entries of one directory and the next one's offset, -1 if that is cut off.

    Raises BrokenTagsError when the entries lie past the end.
    """
    try:
        (count,) = struct.unpack_from(layout.count_format, block, offset)
        start = offset + struct.calcsize(layout.count_format)
        end = start + count * layout.entry_size
        complete = end + layout.inline_size <= len(block)
        (following,) = struct.unpack_from(layout.offset_format, block, end) if complete else (-1,)
    except (struct.error, OverflowError) as error:
        raise BrokenTagsError("a directory past the end") from error
    if end > len(block) or count > MAX_TAGS:
        raise BrokenTagsError("a directory past the end")
    return [block[at : at + layout.entry_size] for at in range(start, end, layout.entry_size)], int(following)


def read_directory(
    block: bytes, offset: int | None = None, *, strict: bool = False, parent: int = 0
) -> Directory:
    """Read a directory and its EXIF, GPS and interoperability subdirectories.

    block   a TIFF file or an EXIF block
    offset  of the directory; None for the first
    strict  a value past the block's end raises TruncatedPhoto; otherwise it is left out
    parent  the tag that points to the directory; 0 for a first one

    Raises BrokenTagsError when the directory itself cannot be read.
    """
    layout = parse_layout(block)
    at = first_directory_offset(block) if offset is None else offset
    raw, following = raw_entries(block, at, layout)
    tags: dict[int, Tag] = {}
    ends = [at + 2 + len(raw) * layout.entry_size + 4]
    pointers = POINTERS.get(parent, ())
    repeated = set()
    for entry in raw:
        number, tag = read_tag(block, entry, layout)
        if tag is None and strict:
            raise TruncatedPhoto(INCOMPLETE)
        if tag is None:
            continue
        ends.append(tag.offset + len(tag.data))
        # None of an unknown kind hides another; of several others the last counts, but for some tags.
        old = tags.get(number)
        if number in pointers and old is not None and old.data != tag.data:
            repeated.add(number)
        if (
            old is None
            or not layout.knows(old.kind)
            or (layout.knows(tag.kind) and number not in _FIRST_COUNTS)
        ):
            tags[number] = tag
    own = Directory(layout.order, tags)
    children = {}
    for pointer in pointers:
        if target := _target(own, pointer, len(block), strict=strict):
            is_strict = strict and pointer not in RARE_POINTERS
            try:
                children[pointer] = read_directory(block, target, parent=pointer, strict=is_strict)
            except BrokenTagsError:
                if pointer not in RARE_POINTERS:
                    tags.pop(pointer)
    end = max(ends + [child.end for child in children.values()])
    return Directory(layout.order, tags, children, following, end, frozenset(repeated))


def _target(directory: Directory, pointer: int, length: int, *, strict: bool) -> int:
    """Return the offset that a tag points to; 0 if it is missing or no pointer."""
    target = directory.number(pointer, 0)
    if pointer in RARE_POINTERS:
        tag = directory.tags.get(pointer)
        return target if tag and tag.count == 1 and tag.kind in _POINTER_KINDS else 0
    if strict and target >= length:
        raise TruncatedPhoto(INCOMPLETE)
    return target


def read_tag(block: bytes, entry: bytes, layout: Layout) -> tuple[int, Tag | None]:
    """Return number and value of one of `raw_entries`; None for a value past the block's end."""
    number, kind = struct.unpack_from(layout.order + "HH", entry)
    (count,) = struct.unpack_from(layout.offset_format, entry, 4)
    size = SIZES.get(kind, 1) * count
    value_at = 4 + layout.inline_size
    if size <= layout.inline_size:
        return number, Tag(kind, count, entry[value_at : value_at + size])
    (offset,) = struct.unpack_from(layout.offset_format, entry, value_at)
    if offset + size > len(block):
        return number, None
    return number, Tag(kind, count, block[offset : offset + size], offset)


def read_pages(block: bytes, *, strict: bool = True) -> Iterator[Directory]:
    """Read the directories of a TIFF file, one a page.

    strict  as in `read_directory`; otherwise pages after the first that cannot be read are left out
    """
    seen: set[int] = set()
    offset = first_directory_offset(block)
    while offset and offset not in seen:
        seen.add(offset)
        try:
            page = read_directory(block, offset, strict=strict)
        except BrokenTagsError as error:
            if len(seen) > 1 and not strict:
                return
            raise TruncatedPhoto(INCOMPLETE) from error
        if page.next_offset < 0 and strict:
            raise TruncatedPhoto(INCOMPLETE)
        yield page
        offset = max(0, page.next_offset)
