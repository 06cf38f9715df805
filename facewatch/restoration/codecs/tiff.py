"""TIFF files: the picture separated from its metadata.

Source: TIFF 6.0 (1992), sections 3-15.
"""

from __future__ import annotations

from collections.abc import Sequence

from facewatch.errors import BadPhoto, NotSupported, TruncatedPhoto
from facewatch.restoration.codecs import jpeg
from facewatch.restoration.codecs.metadata import exif, maker_notes, tiff_tags, tiff_writer, xmp_merge
from facewatch.restoration.codecs.metadata.tiff_tags import BrokenTagsError, Directory, Tag
from facewatch.restoration.codecs.photo import CREDENTIALS, PREVIEW, Metadata

NEW_SUBFILE, SUBFILE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
STRIP_OFFSETS, CHANNELS, STRIP_ROWS, STRIP_BYTES = 273, 277, 278, 279
PLANAR, PREDICTOR, PALETTE = 284, 317, 320
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
INK_SET, EXTRA, SAMPLE_FORMAT = 332, 338, 339
SUB_PAGES, XMP, IPTC, RESOURCES, ICC, LAYERS, C2PA = 330, 700, 33723, 34377, 34675, 37724, 52545

NON_EXIF_TAGS = tiff_tags.IMAGE_TAGS | {
    SUB_PAGES,
    XMP,
    IPTC,
    RESOURCES,
    ICC,
    LAYERS,
    C2PA,
    tiff_tags.EXIF,
    tiff_tags.GPS,
}
"""The tags left out of EXIF blocks."""

COLOUR_CHANNELS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3, 9: 3}
"""The channels of each photometric interpretation without extra ones."""

CLASSIC_MAX_BYTES = 0xFF000000


def split(data: bytes, *, settled: bool = False) -> tuple[bytes, Metadata, Directory]:
    """Return the file with only the picture in its first directory, the metadata, and the old directory.

    settled  the file is not being written any more, so that values past its end are only left out

    Raises TruncatedPhoto when data of the page lies past the end, BadPhoto for several pages and for a
    preview that precedes its photo.
    """
    try:
        pages = list(tiff_tags.read_pages(data, strict=not settled))
    except BrokenTagsError as error:
        raise BadPhoto("the TIFF file's header is damaged; copy it again from where it came from") from error
    if not pages:
        raise TruncatedPhoto(tiff_tags.INCOMPLETE)
    page = pages[0]
    if not page.tags:
        raise TruncatedPhoto(tiff_tags.INCOMPLETE)
    if sum(is_full_image(each) for each in pages) > 1:
        raise BadPhoto("the TIFF file's pages cannot be told apart; save each as a separate file")
    if not is_full_image(page) and SUB_PAGES in page.tags:
        raise NotSupported(
            "the TIFF file's first page is only a preview, as in raw files; develop it to a photo first"
        )
    if not is_full_image(page) and any(is_full_image(each) for each in pages):
        raise NotSupported(
            "the TIFF file's first page is only a preview of a later one; save the photo as a separate file"
        )
    if settled:
        data = _with_whole_tile(data, page)
    _check_complete(page, len(data))
    return _stripped(data, page), _metadata(data, page, pages[1:]), page


def _stripped(data: bytes, page: Directory) -> bytes:
    """Return the file with only the page's picture, in a form that decoders know."""
    extra = page.numbers(EXTRA)
    changes: dict[int, Tag] = {}
    dropped: set[int] = set()
    if _names_tiles_strips(page):
        changes |= {TILE_OFFSETS: page.tags[STRIP_OFFSETS], TILE_BYTES: page.tags[STRIP_BYTES]}
        dropped |= {STRIP_OFFSETS, STRIP_BYTES}
    if page.number(PHOTOMETRIC, 1) == 5 and extra:  # decoders know CMYK with unnamed extra channels only
        changes[EXTRA] = tiff_writer.short_tag(page.order, *[0] * len(extra))
    if tiff_tags.parse_layout(data).big_tiff and len(data) < CLASSIC_MAX_BYTES:
        tags = {tag: value for tag, value in page.tags.items() if tag in tiff_tags.IMAGE_TAGS - dropped}
        return tiff_writer.with_classic_header(data, page.order, tags | changes)
    return tiff_writer.rewrite_directory(data, lambda tag: tag in tiff_tags.IMAGE_TAGS - dropped, changes)


def _names_tiles_strips(page: Directory) -> bool:
    """Return whether the places of tiles are stored under the tags of strips, as old programs did."""
    across, down = (
        -(-side // max(1, page.number(tag, 0)))
        for side, tag in zip(size(page), (TILE_WIDTH, TILE_LENGTH), strict=True)
    )
    planes = page.number(CHANNELS, 1) if page.number(PLANAR, 1) == 2 else 1
    count = len(page.numbers(STRIP_OFFSETS))
    is_tiled = {TILE_WIDTH, TILE_LENGTH, STRIP_BYTES} <= page.tags.keys() and TILE_OFFSETS not in page.tags
    return is_tiled and count == across * down * planes


def is_full_image(page: Directory) -> bool:
    """Return whether the page is a picture, not a preview or a mask."""
    return not page.number(NEW_SUBFILE, 0) & 0b101 and page.number(SUBFILE, 1) != 2


def size(page: Directory) -> tuple[int, int]:
    """Return width and height of a page; 0 if they are missing."""
    return page.number(WIDTH, 0), page.number(LENGTH, 0)


def _check_complete(page: Directory, length_bytes: int) -> None:
    for offsets, lengths in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        places, sizes = page.numbers(offsets), page.numbers(lengths)
        for number, (offset, length) in enumerate(zip(places, sizes, strict=False)):
            if offset + length > length_bytes and (
                page.number(COMPRESSION, 1) != 1
                or offset + min(length, _plain_bytes(page, number, len(places))) > length_bytes
            ):
                raise TruncatedPhoto(tiff_tags.INCOMPLETE)


def _plain_bytes(page: Directory, number: int, count: int) -> int:
    """Return how many bytes a decoder takes of one of `count` strips or tiles that are not compressed,
    whatever it is said to hold.
    """
    (width, height), tile = size(page), (page.number(TILE_WIDTH, 0), page.number(TILE_LENGTH, 0))
    if all(tile):
        width, rows = tile
    else:
        rows = height if count == 1 else max(1, page.number(STRIP_ROWS, height))
        rows = min(rows, height - number % max(1, -(-height // rows)) * rows)
    channels = page.number(CHANNELS, 1) if count == 1 or page.number(PLANAR, 1) == 1 else 1
    return (width * page.number(BITS, 1) * channels + 7) // 8 * rows


def _with_whole_tile(data: bytes, page: Directory) -> bytes:
    """Return a file whose last tile is stored without the rows below the picture with zeros in their place.

    Source: TIFF 6.0 (1992), section 15: tiles that reach beyond the picture's edge are whole too.
    """
    offsets = page.numbers(TILE_OFFSETS) or page.numbers(STRIP_OFFSETS)
    lengths = page.numbers(TILE_BYTES) or page.numbers(STRIP_BYTES)
    (width, height), tile = size(page), (page.number(TILE_WIDTH, 0), page.number(TILE_LENGTH, 0))
    if page.number(COMPRESSION, 1) != 1 or not all(tile) or len(offsets) != len(lengths):
        return data
    ends = [offset + length for offset, length in zip(offsets, lengths, strict=True)]
    if not ends:
        return data
    end, number = max(ends), ends.index(max(ends))
    channels = page.number(CHANNELS, 1) if page.number(PLANAR, 1) == 1 else 1
    row_bytes = (tile[0] * page.number(BITS, 1) * channels + 7) // 8
    across, down = -(-width // tile[0]), -(-height // tile[1])
    is_lowest = number % (across * down) >= across * (down - 1)
    unused_bytes = (down * tile[1] - height) * row_bytes
    return data + bytes(end - len(data)) if is_lowest and 0 < end - len(data) <= unused_bytes else data


def _metadata(data: bytes, page: Directory, others: Sequence[Directory]) -> Metadata:
    def value(tag: int) -> bytes | None:
        return page.tags[tag].data if tag in page.tags else None

    packet = value(XMP)
    found = xmp_merge.merge([packet] if packet else [])
    resources = value(RESOURCES) or b""
    record = value(IPTC)
    if record and jpeg.iptc_record(resources) is None:
        resources += jpeg.make_resource(jpeg.IPTC_RESOURCE, record)
    block = exif.from_tiff_page(page, NON_EXIF_TAGS, data)
    return Metadata(
        exif=block,
        xmp=found.packet,
        unreadable_xmp=found.unreadable,
        lost=(*found.notes, *_lost_tags(page, block), *_lost_channels(page), *_lost_pages(page, others)),
        icc=None if page.number(PHOTOMETRIC, 1) in (8, 9) else value(ICC),  # it tells how L*a*b* is stored
        dpi=page.resolution(),
        resources=jpeg.without_thumbnails(resources),
    )


def _lost_tags(page: Directory, block: bytes | None) -> list[str]:
    """Return in words what of the page's tags a copy does not get."""
    found = exif.repeated_directories(page)
    if maker_notes.count(page) > (maker_notes.count(tiff_tags.read_directory(block)) if block else 0):
        found.append("the maker note, which is only valid at its place in the original file")
    if _has_wide_numbers(page):
        found.append("EXIF values of more than 32 bits")
    if C2PA in page.tags:
        found.append(CREDENTIALS)
    if LAYERS in page.tags:
        found.append("Photoshop's layers, which show the unrestored picture")
    return found


def _has_wide_numbers(directory: Directory) -> bool:
    """Return whether a BigTIFF's directory or one in it has numbers that an EXIF block cannot hold."""
    own = (tag for number, tag in directory.tags.items() if number not in NON_EXIF_TAGS)
    return any(tiff_writer.shortened(tag, directory.order) is None for tag in own) or any(
        _has_wide_numbers(child) for child in directory.children.values()
    )


def _lost_pages(page: Directory, others: Sequence[Directory]) -> list[str]:
    """Return in words what the file holds beside its picture; others are all no full images."""
    kinds = [other.number(NEW_SUBFILE, 0) & 0b100 for other in others]
    found = [PREVIEW] if SUB_PAGES in page.tags or 0 in kinds else []
    return found + (["a mask of the picture"] if any(kinds) else [])


def _lost_channels(page: Directory) -> list[str]:
    """Return in words what of the samples is not decoded."""
    extra = list(page.numbers(EXTRA))
    channels = page.number(CHANNELS, 1)
    base = COLOUR_CHANNELS.get(page.number(PHOTOMETRIC, 1), 1)
    has_alpha = extra[:1] in ([1], [2]) and page.number(PHOTOMETRIC, 1) != 5
    dropped = max(0, channels - base - int(has_alpha))
    found = []
    if dropped:
        noun = "extra channel" if dropped == 1 else "extra channels"
        found.append(f"{dropped} {noun} (saved selections, infrared)")
    if 16 in page.numbers(BITS) and page.number(PHOTOMETRIC, 1) == 5:
        found.append("16 bits a channel (8 are kept)")
    if page.number(PHOTOMETRIC, 1) in (8, 9):
        found.append("L*a*b* (it is converted to sRGB)")
    return found
