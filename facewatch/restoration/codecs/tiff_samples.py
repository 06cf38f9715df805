"""TIFF pages with any number of channels: decoded by OpenCV as grey pages.

OpenCV reads 1, 3 or 4 channels side by side; others are read as one grey page with a row of all samples.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from facewatch.errors import BadPhoto, NotSupported
from facewatch.restoration.codecs import lab, rare, tiff
from facewatch.restoration.codecs.metadata import tiff_tags, tiff_writer
from facewatch.restoration.codecs.metadata.tiff_tags import Directory
from facewatch.restoration.codecs.photo import Raster, Samples

YCBCR, ICC_LAB = 6, 9
COEFFICIENTS = 529
LAB = (8, ICC_LAB)
_PLAIN_COMPRESSION = (1, 5, 8, 32773, 32946)  # none, LZW, Deflate, PackBits
_UNSUPPORTED = "this layout of a TIFF is not supported; save it as RGB without extra channels"

Decode = Callable[[bytes, tuple[int, int], type[np.uint8 | np.uint16]], Samples]
"""Decodes a file of a size, (rows, columns): to (H, W) or (H, W, 3-4).  Raises BadPhoto."""


def is_taken(page: Directory) -> bool:
    """Return whether the page is grey or RGB with 16 bits a channel, L*a*b*, or plain YCbCr.

    Cameras wrote the last in the years before raw files; Pillow does not read its thinned-out colours.
    """
    bits, photometric = set(page.numbers(tiff.BITS)), page.number(tiff.PHOTOMETRIC, 1)
    if photometric == YCBCR:
        return bits == {8} and page.number(tiff.COMPRESSION, 1) == 1 and page.number(tiff.PLANAR, 1) == 1
    return (bits == {16} and photometric in (0, 1, 2)) or (bits in ({8}, {16}) and photometric in LAB)


def read(stripped: bytes, page: Directory, decode: Decode) -> Raster:
    """Decode a page for which `is_taken` is true; extra channels but alpha are left out.

    Raises BadPhoto when it is damaged or of a rare kind.
    """
    try:
        return _read(stripped, page, decode)
    except BadPhoto as error:
        form = rare.describe_page(page)
        if form is None or type(error) is not BadPhoto:
            raise
        raise NotSupported(form) from error


def _read(stripped: bytes, page: Directory, decode: Decode) -> Raster:
    photometric, channels = page.number(tiff.PHOTOMETRIC, 1), page.number(tiff.CHANNELS, 1)
    base = tiff.COLOUR_CHANNELS[photometric]
    formats = set(page.numbers(tiff.SAMPLE_FORMAT)) or {1}
    if channels < base or formats - ({1, 2} if photometric in LAB else {1}):
        raise NotSupported(rare.describe_page(page) or _UNSUPPORTED)
    if photometric == YCBCR and not _has_usable_coefficients(page):
        stripped = tiff_writer.rewrite_directory(stripped, lambda tag: tag != COEFFICIENTS, {})
    samples = _samples(stripped, page, channels, decode)
    colour = samples[..., :base]
    if photometric in LAB:
        colour = lab.to_srgb(colour, offset=photometric == ICC_LAB)
    elif photometric == 0:  # white is zero
        colour = np.iinfo(colour.dtype).max - colour
    mode, deep = "L" if base == 1 else "RGB", "16" if colour.dtype == np.uint16 else ""
    extra = page.number(tiff.EXTRA, 0)
    if channels == base or extra not in (1, 2):
        return Raster(mode + deep, np.ascontiguousarray(colour[..., 0] if base == 1 else colour))
    whole = np.concatenate([colour, samples[..., base : base + 1]], axis=2)
    return Raster(f"{mode}A{deep}", _unassociate_alpha(whole) if extra == 1 else whole)


def _has_usable_coefficients(page: Directory) -> bool:
    """Return whether the page's share of each colour in its brightness, if it gives one, is a number above 0.

    Without the tag, decoders take those of ITU-R BT.601, which TIFF 6.0, section 21, gives as the default.
    """
    tag = page.tags.get(COEFFICIENTS)
    if tag is None:
        return True
    is_whole = (tag.kind, tag.count) == (tiff_tags.RATIONAL, 3)
    return is_whole and all(struct.unpack(f"{page.order}6I", tag.data))


def _samples(stripped: bytes, page: Directory, channels: int, decode: Decode) -> Samples:
    """Return (H, W, C) samples as they are stored."""
    bits = page.number(tiff.BITS, 1)
    depth: type[np.uint8 | np.uint16] = np.uint16 if bits == 16 else np.uint8
    size = (page.number(tiff.LENGTH, 0), page.number(tiff.WIDTH, 0))
    if channels > 1 and page.number(tiff.PLANAR, 1) == 2:
        return _planes(stripped, page, channels, lambda data: decode(data, size, depth))
    if page.number(tiff.PHOTOMETRIC, 1) in (0, 1, 2, YCBCR) and channels in (1, 3, 4):
        samples = decode(stripped, size, depth)
        if samples.shape[2:] != ((channels,) if channels > 1 else ()):
            raise NotSupported(_UNSUPPORTED)
        return samples if channels > 1 else samples[..., None]
    return _wide(stripped, page, channels, lambda data: decode(data, (size[0], size[1] * channels), depth))


def _planes(stripped: bytes, page: Directory, channels: int, decode: Callable[[bytes], Samples]) -> Samples:
    """Decode planar channels, which OpenCV would mix up, each as a grey page."""
    planes = []
    for number in range(channels):
        parts = {}
        for tag in (tiff.STRIP_OFFSETS, tiff.STRIP_BYTES, tiff.TILE_OFFSETS, tiff.TILE_BYTES):
            values = page.numbers(tag)
            share = len(values) // channels
            if values:
                own = values[number * share : (number + 1) * share]
                parts[tag] = tiff_writer.long_tag(page.order, *own)
        planes.append(decode(_as_grey(stripped, page, parts)))
    return np.stack(planes, axis=2)


def _wide(stripped: bytes, page: Directory, channels: int, decode: Callable[[bytes], Samples]) -> Samples:
    """Decode channels that lie side by side as one grey page that is wider."""
    if page.number(tiff.COMPRESSION, 1) not in _PLAIN_COMPRESSION:
        raise NotSupported(rare.describe_page(page) or _UNSUPPORTED)
    parts = {
        tag: tiff_writer.long_tag(page.order, page.number(tag, 0) * channels)
        for tag in (tiff.WIDTH, tiff.TILE_WIDTH)
        if tag in page.tags
    }
    samples = decode(_as_grey(stripped, page, parts, tiff.PREDICTOR))
    samples = samples.reshape(len(samples), -1, channels)
    if page.number(tiff.PREDICTOR, 1) == 2:  # each sample is the difference from its left neighbour
        step = page.number(tiff.TILE_WIDTH, samples.shape[1])
        for left in range(0, samples.shape[1], step):
            part = samples[:, left : left + step]
            np.add.accumulate(part, axis=1, dtype=part.dtype, out=part)
    return samples


def _as_grey(stripped: bytes, page: Directory, parts: dict[int, tiff_tags.Tag], *dropped: int) -> bytes:
    """Return the file as a page of one grey channel, with some tags replaced and others dropped."""
    grey = {
        tiff.CHANNELS: tiff_writer.short_tag(page.order, 1),
        tiff.BITS: tiff_writer.short_tag(page.order, page.number(tiff.BITS, 1)),
        tiff.PHOTOMETRIC: tiff_writer.short_tag(page.order, 1),
        tiff.PLANAR: tiff_writer.short_tag(page.order, 1),
    }
    left_out = {tiff.EXTRA, tiff.SAMPLE_FORMAT, *dropped}
    return tiff_writer.rewrite_directory(stripped, lambda tag: tag not in left_out, grey | parts)


def _unassociate_alpha(samples: Samples) -> Samples:
    """Divide premultiplied colour by alpha."""
    top = np.iinfo(samples.dtype).max
    alpha = samples[..., -1:].astype(np.float32)
    colour = samples[..., :-1] * np.divide(top, alpha, where=alpha > 0, out=np.zeros_like(alpha))
    whole = np.rint(colour).clip(0, top).astype(samples.dtype)
    return np.concatenate([whole, samples[..., -1:]], axis=2)
