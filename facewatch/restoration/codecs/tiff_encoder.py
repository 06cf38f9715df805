"""A writer of whole TIFF files.

Source: TIFF 6.0 (1992), sections 3-14, and Adobe's supplement on Deflate (2002). Facewatch has its own writer
because none of its dependencies writes 16-bit RGB together with EXIF, GPS and IPTC.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs import jpeg, tiff, tiff_strips
from facewatch.restoration.codecs.metadata import tiff_tags, tiff_writer
from facewatch.restoration.codecs.metadata.tiff_tags import ByteOrder, Directory, Tag
from facewatch.restoration.codecs.photo import Metadata, Raster

DEFLATE = 8
_PHOTOMETRIC = {"1": 1, "L": 1, "P": 3, "RGB": 2, "CMYK": 5}


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
    changes[tiff.STRIP_BYTES] = tiff_writer.long_tag(exif_directory.order, *lengths)
    changes[tiff.STRIP_ROWS] = tiff_writer.long_tag(exif_directory.order, rows)

    def head(size: int) -> bytes:
        starts = list(accumulate(lengths[:-1], initial=size))
        return tiff_writer.rewrite_directory(
            block,
            lambda tag: tag in exif_directory.children or tag not in tiff.NON_EXIF_TAGS,
            changes | {tiff.STRIP_OFFSETS: tiff_writer.long_tag(exif_directory.order, *starts)},
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
        return tiff_writer.pack(tiff_tags.read_directory(block), block)
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
        tiff.WIDTH: tiff_writer.long_tag(order, width),
        tiff.LENGTH: tiff_writer.long_tag(order, height),
        tiff.BITS: tiff_writer.short_tag(order, *[bits] * channels),
        tiff.COMPRESSION: tiff_writer.short_tag(order, DEFLATE),
        tiff.PHOTOMETRIC: tiff_writer.short_tag(order, _PHOTOMETRIC[base]),
        tiff.CHANNELS: tiff_writer.short_tag(order, channels),
        tiff.PLANAR: tiff_writer.short_tag(order, 1),
        tiff.PREDICTOR: tiff_writer.short_tag(order, 2 if uses_predictor(raster) else 1),
    }
    if channels in (2, 4) and base != "CMYK":
        page[tiff.EXTRA] = tiff_writer.short_tag(order, 2)
    if base == "CMYK":
        page[tiff.INK_SET] = tiff_writer.short_tag(order, 1)
    if raster.palette is not None:
        colours = np.zeros((256, 3), np.uint16)
        colours[: len(raster.palette)] = raster.palette[:, :3].astype(np.uint16) * 257
        page[tiff.PALETTE] = tiff_writer.short_tag(order, *colours.T.ravel().tolist())
    return page


def metadata_tags(metadata: Metadata) -> dict[int, Tag]:
    """Return the tags of XMP, profile, IPTC and image resources."""
    found: dict[int, Tag] = {}
    record = jpeg.iptc_record(metadata.resources) if metadata.resources else None
    for tag, kind, data in (
        (tiff.XMP, tiff_tags.BYTE, metadata.xmp),
        (tiff.ICC, tiff_tags.UNDEFINED, metadata.icc),
        (tiff.RESOURCES, tiff_tags.BYTE, metadata.resources),
        (tiff.IPTC, tiff_tags.UNDEFINED, record),
    ):
        if data:
            found[tag] = Tag(kind, len(data), data)
    return found
