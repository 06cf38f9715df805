"""EXIF blocks: what is read from them, and the few tags that a restored copy changes."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

from facewatch.restoration.codecs.metadata import orientation as places
from facewatch.restoration.codecs.metadata import tiff_tags, tiff_writer
from facewatch.restoration.codecs.metadata.tiff_tags import BrokenTagsError, Directory, Tag
from facewatch.restoration.codecs.photo import UNTURNED, SourceOrientation

ORIENTATION, SOFTWARE = 0x0112, 0x0131
SIZES_IN_FIRST = (0x0100, 0x0101)  # ImageWidth, ImageLength
SIZES_IN_EXIF = (0xA002, 0xA003)  # PixelXDimension, PixelYDimension
SUBJECT = (0x9214, 0xA214)  # SubjectArea, SubjectLocation
RESOLUTION, RESOLUTION_UNIT = (0x011A, 0x011B), 0x0128
THUMBNAIL, THUMBNAIL_BYTES = 0x0201, 0x0202
JPEG_ROOM = 65_527
"""The most bytes that a JPEG segment has for an EXIF block."""

_OURS = re.compile(rb"facewatch \S+ \(model ")


def block(found: bytes) -> bytes | None:
    """The bare TIFF block of what a container holds; None where it is not one."""
    bare = found[6:] if found[:4] == b"Exif" else found
    try:
        tiff_tags.read(bare)
    except BrokenTagsError:
        return None
    return bare


def orientation(exif: bytes | None) -> int | None:
    """EXIF's orientation, 1-8; None where it says nothing."""
    value = tiff_tags.read(exif).number(ORIENTATION, 0) if exif else 0
    return value if 1 <= value <= 8 else None


def resolution(exif: bytes | None) -> tuple[float, float] | None:
    """Dots an inch, across and down."""
    return tiff_tags.read(exif).resolution() if exif else None


def ours(exif: bytes | None) -> bool:
    """Software names facewatch."""
    software = tiff_tags.read(exif).tags.get(SOFTWARE) if exif else None
    return software is not None and _OURS.match(software.data) is not None


def restored(
    exif: bytes | None,
    software: str,
    size: tuple[int, int],
    dpi: tuple[float, float] | None,
    laid: SourceOrientation = UNTURNED,
) -> bytes:
    """The block as a restored, upright copy has it.

    Software is replaced, the orientation is 1, sizes, resolutions and the subject's place are made right
    where they are given, and the thumbnail is taken out, since it shows the unrestored picture. All else
    stays in place, maker notes too, and with them the previews that some makers keep inside.

    size  width and height of the restored picture
    dpi   is put in where the block says none, for formats that have no other place
    """
    exif = exif or tiff_writer.pack(Directory("<", {}))
    order = tiff_tags.layout(exif).order
    found = tiff_tags.read(exif)
    put = {SOFTWARE: tiff_writer.text(software)}
    if ORIENTATION in found.tags:
        put[ORIENTATION] = tiff_writer.shorts(order, 1)
    put |= {
        tag: tiff_writer.longs(order, side)
        for tag, side in zip(SIZES_IN_FIRST, size, strict=True)
        if tag in found.tags
    }
    if laid.orientation >= 5 and all(tag in found.tags for tag in RESOLUTION):
        put |= dict(zip(RESOLUTION, (found.tags[tag] for tag in reversed(RESOLUTION)), strict=True))
    if dpi and found.resolution() is None:
        put |= {tag: tiff_writer.ratio(order, side) for tag, side in zip(RESOLUTION, dpi, strict=True)}
        put[RESOLUTION_UNIT] = tiff_writer.shorts(order, 2)
    bare = _amended_inside(_without_thumbnail(exif, found), found, size, laid)
    # A value past the old end would be sought in what now comes behind it.
    return tiff_writer.amended(bare, lambda tag: tag in found.tags, put)


def without(exif: bytes, *dropped: int) -> bytes:
    """The block without some tags of its first directory."""
    return tiff_writer.amended(exif, lambda tag: tag not in dropped, {})


def small(exif: bytes) -> bytes:
    """The block as a JPEG can hold it: packed anew, without its longest values if need be."""
    if len(exif) <= JPEG_ROOM:
        return exif
    found = tiff_tags.read(exif)
    packed = tiff_writer.pack(found)
    for most in (8192, 256):
        if len(packed) > JPEG_ROOM:
            packed = tiff_writer.pack(_slim(found, most))
    return packed


def _slim(directory: Directory, most: int) -> Directory:
    """The directory without values longer than `most` bytes: a maker note, as a rule."""
    return Directory(
        directory.order,
        {tag: value for tag, value in directory.tags.items() if len(value.data) <= most},
        {tag: _slim(child, most) for tag, child in directory.children.items()},
    )


def from_tiff(directory: Directory, structural: frozenset[int]) -> bytes | None:
    """The descriptive tags of a TIFF file's page as an EXIF block."""
    kept: Mapping[int, Tag] = {tag: value for tag, value in directory.tags.items() if tag not in structural}
    if not kept:
        return None
    return tiff_writer.pack(Directory(directory.order, dict(kept), directory.children))


def _without_thumbnail(exif: bytes, found: Directory) -> bytes:
    if not 0 < found.next_offset < len(exif):
        return exif
    try:
        second = tiff_tags.read(exif, found.next_offset)
    except BrokenTagsError:
        return exif
    start, length = second.number(THUMBNAIL, 0), second.number(THUMBNAIL_BYTES, 0)
    if min(start, found.next_offset) >= found.end:
        return exif[: min(start, found.next_offset)]
    if start < found.end < start + length:  # entangled with what is kept: it stays, unreferenced
        return exif
    return exif[:start] + bytes(len(exif[start : start + length])) + exif[start + length :] if start else exif


def _amended_inside(exif: bytes, found: Directory, size: tuple[int, int], laid: SourceOrientation) -> bytes:
    """The picture's sizes and the subject's place in the directory below, overwritten where they stand."""
    pointed = found.number(tiff_tags.EXIF, 0)
    if tiff_tags.EXIF not in found.children:
        return exif
    form, body, inner = tiff_tags.layout(exif), bytearray(exif), found.children[tiff_tags.EXIF]
    start = pointed + struct.calcsize(form.count)
    for index, entry in enumerate(tiff_tags.entries(exif, pointed, form)[0]):
        at, number = start + index * form.entry_size, struct.unpack_from(form.order + "H", entry)[0]
        if form.big:
            continue
        if number in SIZES_IN_EXIF:
            value = size[SIZES_IN_EXIF.index(number)]
            struct.pack_into(form.order + "HHII", body, at, number, tiff_tags.LONG, 1, value)
        elif number in SUBJECT and number in inner.tags:
            said = inner.tags[number]
            if said.kind == tiff_tags.SHORT and 2 <= said.count <= 4:
                moved = places.subject(inner.numbers(number), laid, size)
                place = at + 8 if said.offset < 0 else said.offset
                struct.pack_into(f"{form.order}{said.count}H", body, place, *moved)
    return bytes(body)
