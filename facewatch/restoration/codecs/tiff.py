"""TIFF files: the picture separated from its metadata, and a writer of whole files.

Source: TIFF 6.0 (1992), sections 3-14, and Adobe's supplement on Deflate (2002). Facewatch has its own writer
because none of its dependencies writes 16-bit RGB together with EXIF, GPS and IPTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from facewatch.errors import BadPhoto, NotSupported, TruncatedPhoto
from facewatch.restoration.codecs import jpeg, tiff_strips
from facewatch.restoration.codecs.metadata import exif, tiff_tags, tiff_writer, xmp_merge
from facewatch.restoration.codecs.metadata.tiff_tags import BrokenTagsError, ByteOrder, Directory, Tag
from facewatch.restoration.codecs.photo import CREDENTIALS, PREVIEW, Metadata, Raster

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
DEFLATE = 8
_PHOTOMETRIC = {"1": 1, "L": 1, "P": 3, "RGB": 2, "CMYK": 5}


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
    return _stripped(data, page), _metadata(page, pages[1:]), page


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
    longest = length_bytes + 1
    if page.number(COMPRESSION, 1) == 1 and len(page.numbers(STRIP_OFFSETS)) == 1:
        width, height = size(page)
        bits = page.number(BITS, 1) * page.number(CHANNELS, 1)
        longest = (width * bits + 7) // 8 * height  # whatever the strip is said to hold
    for offsets, lengths in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        for offset, length in zip(page.numbers(offsets), page.numbers(lengths), strict=False):
            if offset + min(length, longest) > length_bytes:
                raise TruncatedPhoto(tiff_tags.INCOMPLETE)


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


def _metadata(page: Directory, others: Sequence[Directory]) -> Metadata:
    def data(tag: int) -> bytes | None:
        return page.tags[tag].data if tag in page.tags else None

    packet = data(XMP)
    found = xmp_merge.merge([packet] if packet else [])
    resources = data(RESOURCES) or b""
    record = data(IPTC)
    if record and jpeg.iptc_record(resources) is None:
        resources += jpeg.make_resource(jpeg.IPTC_RESOURCE, record)
    block = exif.from_tiff_page(page, NON_EXIF_TAGS)
    return Metadata(
        exif=block,
        xmp=found.packet,
        unreadable_xmp=found.unreadable,
        lost=(*found.notes, *_lost_tags(page, block), *_lost_channels(page), *_lost_pages(page, others)),
        icc=None if page.number(PHOTOMETRIC, 1) in (8, 9) else data(ICC),  # it tells how L*a*b* is stored
        dpi=page.resolution(),
        resources=jpeg.without_thumbnails(resources),
    )


def _lost_tags(page: Directory, block: bytes | None) -> list[str]:
    """Return in words what of the page's tags a copy does not get."""
    found = exif.repeated_directories(page)
    if exif.has_maker_note(page) and not (block and exif.has_maker_note(tiff_tags.read_directory(block))):
        found.append("the maker note, which is only valid at its place in the original file")
    if C2PA in page.tags:
        found.append(CREDENTIALS)
    if LAYERS in page.tags:
        found.append("Photoshop's layers, which show the unrestored picture")
    return found


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


def write(raster: Raster, metadata: Metadata) -> bytes:
    """Return a whole file, compressed without loss (Deflate), that begins with the EXIF block.

    So everything in the block keeps its offset, and a maker note's offsets remain valid.

    Raises BadPhoto when the file would exceed 4 GiB.
    """
    block = _complete_block(metadata.exif or tiff_writer.pack(Directory("<", {})))
    exif_directory = tiff_tags.read_directory(block)
    strips, rows = tiff_strips.compress(
        raster.samples, exif_directory.order, predicted=uses_predictor(raster)
    )
    lengths = [len(strip) for strip in strips]
    changes = metadata_tags(metadata) | image_tags(raster, exif_directory.order)
    changes[STRIP_BYTES] = tiff_writer.long_tag(exif_directory.order, *lengths)
    changes[STRIP_ROWS] = tiff_writer.long_tag(exif_directory.order, rows)

    def head(size: int) -> bytes:
        starts = list(accumulate(lengths[:-1], initial=size))
        return tiff_writer.rewrite_directory(
            block,
            lambda tag: tag in exif_directory.children or tag not in NON_EXIF_TAGS,
            changes | {STRIP_OFFSETS: tiff_writer.long_tag(exif_directory.order, *starts)},
        )

    size = len(head(0))
    if size + sum(lengths) > 0xFFFF0000:
        raise BadPhoto("the restored picture exceeds the 4 GiB limit of a TIFF file; choose png")
    return b"".join((head(size), *strips))


def _complete_block(block: bytes) -> bytes:
    """Return the EXIF block; repacked if values lie past its end, where the picture will be."""
    try:
        tiff_tags.read_directory(block, strict=True)
    except TruncatedPhoto:
        return tiff_writer.pack(tiff_tags.read_directory(block))
    return block


def uses_predictor(raster: Raster) -> bool:
    """Return whether samples are stored as differences from their left neighbours: not indices and bits."""
    return raster.mode not in ("1", "P")


def image_tags(raster: Raster, order: ByteOrder) -> dict[int, Tag]:
    """Return the tags that describe the layout of the samples."""
    samples = raster.samples
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    bits = {"bool": 1, "uint8": 8, "uint16": 16}[samples.dtype.name]
    base = raster.mode.removesuffix("16")
    base = base.removesuffix("A")
    page = {
        WIDTH: tiff_writer.long_tag(order, width),
        LENGTH: tiff_writer.long_tag(order, height),
        BITS: tiff_writer.short_tag(order, *[bits] * channels),
        COMPRESSION: tiff_writer.short_tag(order, DEFLATE),
        PHOTOMETRIC: tiff_writer.short_tag(order, _PHOTOMETRIC[base]),
        CHANNELS: tiff_writer.short_tag(order, channels),
        PLANAR: tiff_writer.short_tag(order, 1),
        PREDICTOR: tiff_writer.short_tag(order, 2 if uses_predictor(raster) else 1),
    }
    if channels in (2, 4) and base != "CMYK":
        page[EXTRA] = tiff_writer.short_tag(order, 2)
    if base == "CMYK":
        page[INK_SET] = tiff_writer.short_tag(order, 1)
    if raster.palette is not None:
        colours = np.zeros((256, 3), np.uint16)
        colours[: len(raster.palette)] = raster.palette[:, :3].astype(np.uint16) * 257
        page[PALETTE] = tiff_writer.short_tag(order, *colours.T.ravel().tolist())
    return page


def metadata_tags(metadata: Metadata) -> dict[int, Tag]:
    """Return the tags of XMP, profile, IPTC and image resources."""
    found: dict[int, Tag] = {}
    record = jpeg.iptc_record(metadata.resources) if metadata.resources else None
    for tag, kind, data in (
        (XMP, tiff_tags.BYTE, metadata.xmp),
        (ICC, tiff_tags.UNDEFINED, metadata.icc),
        (RESOURCES, tiff_tags.BYTE, metadata.resources),
        (IPTC, tiff_tags.UNDEFINED, record),
    ):
        if data:
            found[tag] = Tag(kind, len(data), data)
    return found
