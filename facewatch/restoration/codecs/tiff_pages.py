"""TIFF files of several pages, such as scans of documents: taken apart, and put together again."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs import tiff, tiff_encoder, tiff_strips
from facewatch.restoration.codecs.metadata import tiff_tags, tiff_writer
from facewatch.restoration.codecs.metadata.tiff_tags import BrokenTagsError, ByteOrder, Layout, Tag
from facewatch.restoration.codecs.photo import Metadata, Raster

MAX_PAGES = 1000
_PAGE_OF_SEVERAL = 2  # TIFF's NewSubfileType
_ITEM_BYTES = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}


def pages_of(data: bytes) -> list[int]:
    """Return the offsets of the pages of a file if it has several full ones, the first being one.

    Anything else, damaged files included, gives an empty list: `tiff.split` says what is wrong.
    """
    try:
        found, offset, is_first = [], tiff_tags.first_directory_offset(data), True
        seen: set[int] = set()
        while offset and offset not in seen and len(seen) < MAX_PAGES:
            seen.add(offset)
            page = tiff_tags.read_directory(data, offset, strict=True)
            if tiff.is_full_image(page):
                found.append(offset)
            elif is_first:
                return []
            is_first, offset = False, page.next_offset
    except (BrokenTagsError, TruncatedPhoto):
        return []
    return found if len(found) > 1 and offset == 0 else []


def single(data: bytes, offset: int) -> bytes:
    """Return the file with the page at `offset` as its only one."""
    layout = tiff_tags.parse_layout(data)
    body = bytearray(data)
    struct.pack_into(layout.offset_format, body, layout.first_offset_at, offset)
    struct.pack_into(layout.offset_format, body, _link_at(data, offset, layout), 0)
    return bytes(body)


def append(first: bytes, pages: Sequence[tuple[Raster, Metadata]]) -> bytes:
    """Return a file with further pages, each with its resolution, texts, XMP and profile, without EXIF.

    first  the whole file of the first page

    Raises BadPhoto when the file would exceed 4 GiB.
    """
    layout = tiff_tags.parse_layout(first)
    body = bytearray(first + b"\0" * (len(first) % 2))
    link_at = _link_at(first, tiff_tags.first_directory_offset(first), layout)
    for raster, metadata in pages:
        strips, rows = tiff_strips.compress(
            raster.samples, layout.order, predicted=tiff_encoder.uses_predictor(raster)
        )
        lengths = [len(strip) for strip in strips]
        starts = list(accumulate(lengths[:-1], initial=len(body)))
        body += b"".join(strips)
        body += b"\0" * (len(body) % 2)
        tags = _texts(metadata.exif, layout.order) | tiff_encoder.metadata_tags(metadata)
        tags |= tiff_encoder.image_tags(raster, layout.order) | {
            tiff.NEW_SUBFILE: tiff_writer.long_tag(layout.order, _PAGE_OF_SEVERAL),
            tiff.STRIP_OFFSETS: tiff_writer.long_tag(layout.order, *starts),
            tiff.STRIP_BYTES: tiff_writer.long_tag(layout.order, *lengths),
            tiff.STRIP_ROWS: tiff_writer.long_tag(layout.order, rows),
        }
        if len(body) + sum(len(tag.data) + 14 for tag in tags.values()) > tiff.CLASSIC_MAX_BYTES:
            raise BadPhoto("the restored pages exceed the 4 GiB limit of a TIFF file; split the file")
        offset = tiff_writer.append_directory(body, layout.order, tags)
        struct.pack_into(layout.offset_format, body, link_at, offset)
        link_at = offset + 2 + 12 * len(tags)
    return bytes(body)


def has_directories(exif: bytes | None) -> bool:
    """Return whether a page's block holds EXIF or GPS data, which further pages do not keep."""
    return exif is not None and bool(tiff_tags.read_directory(exif).children)


def _link_at(data: bytes, offset: int, layout: Layout) -> int:
    """Return where a directory stores the offset of the next one."""
    (count,) = struct.unpack_from(layout.count_format, data, offset)
    return offset + struct.calcsize(layout.count_format) + int(count) * layout.entry_size


def _texts(exif: bytes | None, order: ByteOrder) -> dict[int, Tag]:
    """Return the tags of a block's first directory, in the given byte order."""
    if exif is None:
        return {}
    found = tiff_tags.read_directory(exif)
    layout = Layout(order, big_tiff=False)
    return {
        number: tag if found.order == order else _swapped(tag)
        for number, tag in found.tags.items()
        if number not in found.children and number not in tiff.NON_EXIF_TAGS and layout.knows(tag.kind)
    }


def _swapped(tag: Tag) -> Tag:
    """Return a tag in the other byte order."""
    step = _ITEM_BYTES.get(tag.kind, 1)
    data = b"".join(tag.data[at : at + step][::-1] for at in range(0, len(tag.data), step))
    return Tag(tag.kind, tag.count, data)
