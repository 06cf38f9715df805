"""EXIF blocks: the tags that are read, and those that a restored copy changes."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from functools import partial

from facewatch.restoration.codecs.metadata import maker_notes, tiff_tags, tiff_writer
from facewatch.restoration.codecs.metadata.orientation import turn_subject
from facewatch.restoration.codecs.metadata.tiff_tags import BrokenTagsError, Directory, Layout, Tag
from facewatch.restoration.codecs.photo import UPRIGHT, SourceOrientation

ORIENTATION, SOFTWARE = 0x0112, 0x0131
IFD0_SIZE = (0x0100, 0x0101)  # ImageWidth, ImageLength
EXIF_SIZE = (0xA002, 0xA003)  # PixelXDimension, PixelYDimension
SUBJECT = (0x9214, 0xA214)  # SubjectArea, SubjectLocation
RESOLUTION, RESOLUTION_UNIT = (0x011A, 0x011B), 0x0128
THUMBNAIL, THUMBNAIL_BYTES = 0x0201, 0x0202
_DIRECTORY_NAMES = {tiff_tags.EXIF: "EXIF", tiff_tags.GPS: "GPS", tiff_tags.INTEROP: "interoperability"}
UNREADABLE = "an EXIF block that cannot be read"
MAX_JPEG_BYTES = 65_527
"""The longest EXIF block that a JPEG segment holds."""

_OUR_SOFTWARE = re.compile(rb"facewatch \S+ \(model ")


def tiff_block(stored: bytes) -> bytes | None:
    """Return the bare TIFF block of a container's EXIF bytes; None if they hold none."""
    bare = stored[6:] if stored[:4] == b"Exif" else stored
    try:
        tiff_tags.read_directory(bare)
    except BrokenTagsError:
        return None
    return bare


def orientation(exif: bytes | None) -> int | None:
    """Return EXIF's orientation, 1-8; None if it is missing."""
    value = tiff_tags.read_directory(exif).number(ORIENTATION, 0) if exif else 0
    return value if 1 <= value <= 8 else None


def resolution(exif: bytes | None) -> tuple[float, float] | None:
    """Return the resolution in dots an inch, across and down."""
    return tiff_tags.read_directory(exif).resolution() if exif else None


def made_by_facewatch(exif: bytes | None) -> bool:
    """Return whether EXIF's Software tag names facewatch."""
    software = tiff_tags.read_directory(exif).tags.get(SOFTWARE) if exif else None
    return software is not None and _OUR_SOFTWARE.match(software.data) is not None


def restored(
    exif: bytes | None,
    software: str,
    size: tuple[int, int],
    dpi: tuple[float, float] | None,
    source: SourceOrientation = UPRIGHT,
) -> bytes:
    """Return the block for a restored, upright copy.

    Software is replaced, the orientation set to 1, existing sizes, resolutions and subject positions are
    corrected, and the thumbnail is removed, since it shows the unrestored picture. Everything else keeps its
    offset, including maker notes and the previews that some makers store there.

    size    width and height of the restored picture
    dpi     added if the block has no resolution, for formats that store it nowhere else
    source  the picture's orientation and size in the original file
    """
    exif = exif or tiff_writer.pack(Directory("<", {}))
    order = tiff_tags.parse_layout(exif).order
    found = tiff_tags.read_directory(exif)
    changes = {SOFTWARE: tiff_writer.ascii_tag(software)}
    if ORIENTATION in found.tags:
        changes[ORIENTATION] = tiff_writer.short_tag(order, 1)
    changes |= {
        tag: tiff_writer.long_tag(order, side)
        for tag, side in zip(IFD0_SIZE, size, strict=True)
        if tag in found.tags
    }
    if source.orientation >= 5 and all(tag in found.tags for tag in RESOLUTION):
        changes |= dict(zip(RESOLUTION, (found.tags[tag] for tag in reversed(RESOLUTION)), strict=True))
    if dpi and found.resolution() is None:
        changes |= {
            tag: tiff_writer.rational_tag(order, side) for tag, side in zip(RESOLUTION, dpi, strict=True)
        }
        changes[RESOLUTION_UNIT] = tiff_writer.short_tag(order, 2)
    bare = _patch_exif_directory(_without_thumbnail(exif, found), found, size, source)
    # Drop values past the old end: their offsets would now point into the appended bytes.
    return tiff_writer.rewrite_directory(bare, lambda tag: tag in found.tags, changes)


def without_tags(exif: bytes, *dropped: int) -> bytes:
    """Return the block without some tags of its first directory."""
    return tiff_writer.rewrite_directory(exif, lambda tag: tag not in dropped, {})


def fit_jpeg(exif: bytes) -> bytes:
    """Return the block short enough for a JPEG: repacked, and without its longest values if necessary."""
    if len(exif) <= MAX_JPEG_BYTES:
        return exif
    found = tiff_tags.read_directory(exif)
    packed = tiff_writer.pack(found, exif)
    for shorter in (
        without_maker_note,
        partial(_without_long_values, longest=8192),
        partial(_without_long_values, longest=256),
    ):
        if len(packed) > MAX_JPEG_BYTES:
            packed = tiff_writer.pack(shorter(found), exif)
    return packed


def jpeg_losses(exif: bytes | None) -> list[str]:
    """Return in words what `fit_jpeg` leaves out of a block."""
    if not exif or len(exif) <= MAX_JPEG_BYTES:
        return []
    before, after = (tiff_tags.read_directory(block) for block in (exif, fit_jpeg(exif)))
    note = (
        ["the maker note, for which a JPEG has too little room"]
        if maker_notes.count(before) > maker_notes.count(after)
        else []
    )
    note += repeated_directories(before)
    dropped = len(_value_numbers(without_maker_note(before)) - _value_numbers(after))
    return [*note, f"{dropped} long EXIF values, for which a JPEG has too little room"] if dropped else note


def repeated_directories(directory: Directory) -> list[str]:
    """Return in words what lies in directories beside those that are read."""
    found = sorted(_DIRECTORY_NAMES.get(pointer, "maker's") for pointer in directory.repeated)
    return [f"a second {name} directory" for name in found]


def without_maker_note(directory: Directory) -> Directory:
    """Return the directory without its maker note."""
    return _without_values(directory, lambda number, _: number == tiff_tags.MAKER_NOTE)


def _value_numbers(directory: Directory) -> set[tuple[int, ...]]:
    inner = {
        (pointer, *path) for pointer, child in directory.children.items() for path in _value_numbers(child)
    }
    return {(number,) for number in directory.tags if number not in directory.children} | inner


def _without_long_values(directory: Directory, longest: int) -> Directory:
    """Return the directory without values longer than `longest` bytes, which are usually maker notes."""
    return _without_values(directory, lambda _, tag: len(tag.data) > longest)


def _without_values(directory: Directory, drops: Callable[[int, Tag], bool]) -> Directory:
    return Directory(
        directory.order,
        {number: tag for number, tag in directory.tags.items() if not drops(number, tag)},
        {pointer: _without_values(child, drops) for pointer, child in directory.children.items()},
    )


def from_tiff_page(directory: Directory, structural: frozenset[int], data: bytes) -> bytes | None:
    """Return the non-structural tags of a page as an EXIF block; None if it has none.

    data  the TIFF file that the page was read from
    """
    kept: Mapping[int, Tag] = {tag: value for tag, value in directory.tags.items() if tag not in structural}
    if not kept and not directory.children:
        return None
    return tiff_writer.pack(Directory(directory.order, dict(kept), directory.children), data)


def _without_thumbnail(exif: bytes, found: Directory) -> bytes:
    if not 0 < found.next_offset < len(exif):
        return exif
    try:
        second = tiff_tags.read_directory(exif, found.next_offset)
    except BrokenTagsError:
        return exif
    start, length = second.number(THUMBNAIL, 0), second.number(THUMBNAIL_BYTES, 0)
    kept_end = max(found.end, maker_notes.values_end(found, exif))
    if min(start, found.next_offset) >= kept_end:
        return exif[: min(start, found.next_offset)]
    if start < kept_end < start + length:  # it overlaps kept values: leave it, unreferenced
        return exif
    return exif[:start] + bytes(len(exif[start : start + length])) + exif[start + length :] if start else exif


def _patch_exif_directory(
    exif: bytes, found: Directory, size: tuple[int, int], source: SourceOrientation
) -> bytes:
    """Overwrite the picture's size and the subject's position in the EXIF subdirectory in place."""
    start = found.number(tiff_tags.EXIF, 0)
    if tiff_tags.EXIF not in found.children:
        return exif
    layout, body, inner = tiff_tags.parse_layout(exif), bytearray(exif), found.children[tiff_tags.EXIF]
    if layout.big_tiff:
        return exif
    first = start + struct.calcsize(layout.count_format)
    dropped = []
    for index, entry in enumerate(tiff_tags.raw_entries(exif, start, layout)[0]):
        at, number = first + index * layout.entry_size, struct.unpack_from(layout.order + "H", entry)[0]
        if number in EXIF_SIZE:
            value = size[EXIF_SIZE.index(number)]
            struct.pack_into(layout.order + "HHII", body, at, number, tiff_tags.LONG, 1, value)
        elif number in SUBJECT and number in inner.tags:
            tag = inner.tags[number]
            if tag.kind == tiff_tags.SHORT and 2 <= tag.count <= 4:
                turned = turn_subject(inner.numbers(number), source, size)
                value_at = at + 8 if tag.offset < 0 else tag.offset
                if turned is None:
                    dropped.append(index)
                else:
                    struct.pack_into(f"{layout.order}{tag.count}H", body, value_at, *turned)
    for index in reversed(dropped):
        _drop_entry(body, start, index, layout)
    return bytes(body)


def _drop_entry(body: bytearray, start: int, index: int, layout: Layout) -> None:
    """Remove an entry of a directory in place; the bytes after the directory keep their offsets."""
    (count,) = struct.unpack_from(layout.order + "H", body, start)
    at, end = start + 2 + index * layout.entry_size, start + 2 + count * layout.entry_size + 4
    body[at:end] = body[at + layout.entry_size : end] + bytes(layout.entry_size)
    struct.pack_into(layout.order + "H", body, start, count - 1)
