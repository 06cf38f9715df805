"""TIFF files: the page's picture apart from what is said about it, and pages written whole.

Source: TIFF 6.0 (1992), sections 3-14, and Adobe's supplement on Deflate (2002). Pages are written here, as
no library that is a dependency writes 16-bit RGB together with EXIF, GPS and IPTC.
"""

from __future__ import annotations

import zlib
from itertools import accumulate

import numpy as np

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs import jpeg, parallel
from facewatch.restoration.codecs.metadata import exif, tiff_tags, tiff_writer
from facewatch.restoration.codecs.metadata.tiff_tags import BrokenTagsError, Directory, Order, Tag
from facewatch.restoration.codecs.parallel import Rows
from facewatch.restoration.codecs.photo import Metadata, Native, Samples

NEW_SUBFILE, SUBFILE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
STRIP_OFFSETS, CHANNELS, STRIP_ROWS, STRIP_BYTES, PLANAR, PREDICTOR, PALETTE = (
    273,
    277,
    278,
    279,
    284,
    317,
    320,
)
TILE_OFFSETS, TILE_BYTES, INK_SET, EXTRA, SAMPLE_FORMAT = 324, 325, 332, 338, 339
SUB_PAGES, XMP, IPTC, RESOURCES, ICC = 330, 700, 33723, 34377, 34675

PICTURE = frozenset(
    {
        *range(254, 260),
        *range(262, 267),
        STRIP_OFFSETS,
        *range(277, 282),
        PLANAR,
        *range(290, 294),
        PREDICTOR,
        PALETTE,
    }
    | {*range(321, 329), *range(332, 348), *range(512, 522), *range(529, 533)}
)
"""The tags that a decoder needs."""
ELSEWHERE = PICTURE | {SUB_PAGES, XMP, IPTC, RESOURCES, ICC, 37724, tiff_tags.EXIF, tiff_tags.GPS}
"""The tags that an EXIF block does not take over; 37724 is Photoshop's layers, unrestored as they are."""

DEFLATE, STRIP_AIM_BYTES = 8, 1 << 18
_SAMPLES, _SAMPLE_ROWS = 16, 3
_PHOTOMETRIC = {"1": 1, "L": 1, "P": 3, "RGB": 2, "CMYK": 5}


def split(data: bytes) -> tuple[bytes, Metadata, Directory]:
    """The file with nothing but the picture in its first directory, the descriptions, and that directory.

    Raises TruncatedPhoto when anything the page needs lies past the end, BadPhoto for several pages and for a
    preview that stands before its photo.
    """
    try:
        pages = list(tiff_tags.pages(data))
    except BrokenTagsError as error:
        raise BadPhoto("the TIFF file's header is damaged") from error
    if not pages:
        raise TruncatedPhoto("the TIFF file has no directory yet: it may still be being copied")
    page = pages[0]
    if sum(_whole(each) for each in pages) > 1:
        raise BadPhoto("the TIFF file has several pages; save each as a file of its own")
    if not _whole(page) and SUB_PAGES in page.tags:
        raise BadPhoto(
            "the TIFF file's first page is only a preview, as in raw files; develop it to a photo first"
        )
    if not _whole(page) and any(_whole(each) for each in pages):
        raise BadPhoto(
            "the TIFF file's first page is only a preview of a later one; save the photo as a file of its own"
        )
    _check_ends(page, len(data))
    return tiff_writer.amended(data, lambda tag: tag in PICTURE, {}), _metadata(page), page


def _whole(page: Directory) -> bool:
    """The page is a picture of its own: no preview and no mask."""
    return not page.number(NEW_SUBFILE, 0) & 0b101 and page.number(SUBFILE, 1) != 2


def _check_ends(page: Directory, size: int) -> None:
    for offsets, lengths in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        for offset, length in zip(page.numbers(offsets), page.numbers(lengths), strict=False):
            if offset + length > size:
                raise TruncatedPhoto("the TIFF file ends before its picture: it may still be being copied")


def _metadata(page: Directory) -> Metadata:
    def data(tag: int) -> bytes | None:
        return page.tags[tag].data if tag in page.tags else None

    resources = data(RESOURCES) or b""
    record = data(IPTC)
    if record and jpeg.iptc(resources) is None:
        resources += jpeg.resource(0x0404, record)
    return Metadata(
        exif=exif.from_tiff(page, ELSEWHERE),
        xmp=data(XMP),
        icc=data(ICC),
        dpi=page.resolution(),
        resources=jpeg.without_thumbnails(resources),
    )


def join(native: Native, metadata: Metadata) -> bytes:
    """A whole file, compressed without loss (Deflate), of which the EXIF block is the head.

    So nothing in the block moves, and a maker note's offsets remain right.

    Raises BadPhoto when it would pass 4 GiB.
    """
    block = _readable(metadata.exif or tiff_writer.pack(Directory("<", {})))
    said = tiff_tags.read(block)
    strips, rows = _strips(native.samples, said.order, predicted=_predicted(native))
    lengths = [len(strip) for strip in strips]
    put = _descriptions(metadata) | _page(native, said.order)
    put[STRIP_BYTES] = tiff_writer.longs(said.order, *lengths)
    put[STRIP_ROWS] = tiff_writer.longs(said.order, rows)

    def head(size: int) -> bytes:
        starts = list(accumulate(lengths[:-1], initial=size))
        return tiff_writer.amended(
            block,
            lambda tag: tag in said.children or tag not in ELSEWHERE,
            put | {STRIP_OFFSETS: tiff_writer.longs(said.order, *starts)},
        )

    size = len(head(0))
    if size + sum(lengths) > 0xFFFF0000:
        raise BadPhoto("the restored picture passes the 4 GiB of a TIFF file; choose png")
    return b"".join((head(size), *strips))


def _readable(block: bytes) -> bytes:
    """The EXIF block; put together anew if some of it lies past its end, where the picture will be."""
    try:
        tiff_tags.read(block, strict=True)
    except TruncatedPhoto:
        return tiff_writer.pack(tiff_tags.read(block))
    return block


def _strips(samples: Samples, order: Order, *, predicted: bool) -> tuple[list[bytes], int]:
    """The compressed strips, and how many rows each has."""
    ready: Samples = np.packbits(samples, axis=1) if samples.dtype == np.bool_ else samples
    rows = max(1, STRIP_AIM_BYTES // max(1, ready[0].nbytes))
    spans = parallel.spans(len(ready), rows)

    def stored(span: tuple[int, int]) -> Rows:
        band = ready[slice(*span)]
        if predicted:
            band = band.copy()
            band[:, 1:] -= ready[slice(*span), :-1]  # wraps, as it should
        ordered = band.astype(band.dtype.newbyteorder(order), copy=False)
        return ordered.reshape(len(band), -1).view(np.uint8)

    some = [stored(span)[:_SAMPLE_ROWS] for span in spans[:: -(-len(spans) // _SAMPLES)]]
    effort = parallel.effort(some)

    def strip(span: tuple[int, int]) -> bytes:
        packer = zlib.compressobj(effort.level, zlib.DEFLATED, 15, 9, effort.strategy)
        return packer.compress(stored(span).data) + packer.flush()

    return list(parallel.in_order(strip, spans)), rows


def _predicted(native: Native) -> bool:
    """Samples are stored as differences to their left neighbours, which suits all but indices and bits."""
    return native.mode not in ("1", "P")


def _page(native: Native, order: Order) -> dict[int, Tag]:
    """The tags that say how the samples are to be read."""
    samples = native.samples
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    bits = {"bool": 1, "uint8": 8, "uint16": 16}[samples.dtype.name]
    base = native.mode.removesuffix("16")
    base = base.removesuffix("A")
    page = {
        WIDTH: tiff_writer.longs(order, width),
        LENGTH: tiff_writer.longs(order, height),
        BITS: tiff_writer.shorts(order, *[bits] * channels),
        COMPRESSION: tiff_writer.shorts(order, DEFLATE),
        PHOTOMETRIC: tiff_writer.shorts(order, _PHOTOMETRIC[base]),
        CHANNELS: tiff_writer.shorts(order, channels),
        PLANAR: tiff_writer.shorts(order, 1),
        PREDICTOR: tiff_writer.shorts(order, 2 if _predicted(native) else 1),
    }
    if channels in (2, 4) and base != "CMYK":
        page[EXTRA] = tiff_writer.shorts(order, 2)
    if base == "CMYK":
        page[INK_SET] = tiff_writer.shorts(order, 1)
    if native.palette is not None:
        colours = np.zeros((256, 3), np.uint16)
        colours[: len(native.palette)] = native.palette[:, :3].astype(np.uint16) * 257
        page[PALETTE] = tiff_writer.shorts(order, *colours.T.ravel().tolist())
    return page


def _descriptions(metadata: Metadata) -> dict[int, Tag]:
    found: dict[int, Tag] = {}
    record = jpeg.iptc(metadata.resources) if metadata.resources else None
    for tag, kind, data in (
        (XMP, tiff_tags.BYTE, metadata.xmp),
        (ICC, tiff_tags.UNDEFINED, metadata.icc),
        (RESOURCES, tiff_tags.BYTE, metadata.resources),
        (IPTC, tiff_tags.UNDEFINED, record),
    ):
        if data:
            found[tag] = Tag(kind, len(data), data)
    return found
