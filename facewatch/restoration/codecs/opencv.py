"""What OpenCV decodes: 16-bit pictures, which Pillow cannot hold in colour, and WebP.

Pillow's WebP class refuses large pictures by a limit that only the whole process can lift.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs import sniff, tiff, webp
from facewatch.restoration.codecs.metadata import tiff_tags, tiff_writer
from facewatch.restoration.codecs.metadata.tiff_tags import Directory
from facewatch.restoration.codecs.photo import Native, Samples

_PNG_MODES = {0: "L16", 2: "RGB16", 4: "LA16", 6: "RGBA16"}
_CUT_BYTES = 32  # half of containers.HOLLOW_BYTES; decoders read no more than 8 ahead
_UNSUPPORTED = "the TIFF file's kind of 16-bit picture is not supported; save it as RGB with 8 or 16 bits"


def is_deep_png(bare: bytes) -> bool:
    """The header says 16 bits a channel."""
    return bare[24] == 16


def is_deep_tiff(page: Directory) -> bool:
    """The page is grey or RGB with 16 bits a channel, whole numbers."""
    bits = page.numbers(tiff.BITS)
    return bool(bits) and set(bits) == {16} and page.number(tiff.PHOTOMETRIC, 1) in (0, 1, 2)


def read_png(bare: bytes, clear: int | tuple[int, ...] | None) -> Native:
    """A 16-bit PNG.

    clear  the one level or colour that is transparent

    Raises BadPhoto when it is damaged.
    """
    width, height = struct.unpack_from(">II", bare, 16)
    mode = _PNG_MODES.get(bare[25], "")
    samples = _pixels(bare, (height, width))
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    if mode == "LA16" and channels == 4:
        samples = np.ascontiguousarray(samples[..., [0, 3]])
    elif mode == "RGB16" and channels == 4:  # one colour of it is transparent
        mode = "RGBA16"
    elif channels != {"L16": 1, "RGB16": 3, "RGBA16": 4}.get(mode):
        raise BadPhoto("the PNG file's header and picture do not agree: it is damaged")
    if mode == "L16" and clear is not None:  # OpenCV heeds it in colour only
        return Native("LA16", np.dstack([samples, np.where(samples == clear, 0, 65535).astype(np.uint16)]))
    return Native(mode, samples)


def read_tiff(bare: bytes, page: Directory) -> Native:
    """A 16-bit TIFF page, for which `is_deep_tiff` holds.  Raises BadPhoto when damaged or of a rare kind."""
    channels = page.number(tiff.CHANNELS, 1)
    mode = {1: "L16", 3: "RGB16", 4: "RGBA16"}.get(channels, "")
    formats = set(page.numbers(tiff.SAMPLE_FORMAT)) or {1}
    if not mode or formats != {1} or (channels > 1) != (page.number(tiff.PHOTOMETRIC, 1) == 2):
        raise BadPhoto(_UNSUPPORTED)
    size = (page.number(tiff.LENGTH, 0), page.number(tiff.WIDTH, 0))
    apart = channels > 1 and page.number(tiff.PLANAR, 1) == 2
    samples = _planes(bare, page, channels, size) if apart else _pixels(bare, size)
    if samples.shape != (size if channels == 1 else (*size, channels)):
        raise BadPhoto(_UNSUPPORTED)
    if page.number(tiff.PHOTOMETRIC, 1) == 0:  # white is zero
        samples = np.uint16(65535) - samples
    extra = page.number(tiff.EXTRA, 0)
    if channels == 4 and extra == 0:  # a fourth channel that says nothing of transparency
        return Native("RGB16", np.ascontiguousarray(samples[..., :3]))
    if channels == 4 and extra == 1:
        samples = _unassociated(samples)
    return Native(mode, samples)


def _planes(bare: bytes, page: Directory, channels: int, size: tuple[int, int]) -> Samples:
    """Channels that are stored one after another, which OpenCV would mix up: each is read as a grey page."""
    form = tiff_tags.layout(bare)
    one = {
        tiff.CHANNELS: tiff_writer.shorts(form.order, 1),
        tiff.BITS: tiff_writer.shorts(form.order, 16),
        tiff.PHOTOMETRIC: tiff_writer.shorts(form.order, 1),
        tiff.PLANAR: tiff_writer.shorts(form.order, 1),
    }
    dropped = {tiff.EXTRA, tiff.SAMPLE_FORMAT, *one}
    planes = []
    for number in range(channels):
        parts = {}
        for tag in (tiff.STRIP_OFFSETS, tiff.STRIP_BYTES, tiff.TILE_OFFSETS, tiff.TILE_BYTES):
            values = page.numbers(tag)
            share = len(values) // channels
            if values:
                parts[tag] = tiff_writer.longs(form.order, *values[number * share : (number + 1) * share])
        planes.append(_pixels(tiff_writer.amended(bare, lambda tag: tag not in dropped, one | parts), size))
    return np.stack(planes, axis=2)


def read_webp(bare: bytes, size: tuple[int, int], *, hollow: bool) -> Native:
    """A WebP of `size` rows and columns.

    hollow  the file ends in zeros: either they are its plain bottom, or it is not yet filled

    Raises TruncatedPhoto when it is not yet filled, BadPhoto when it is damaged.
    """
    # Of zeros that an encoder wrote its decoder needs all; those of a hole it hardly touches.
    if hollow and not (sniff.hollow(bare) and _is_short(webp.shortened(bare, _CUT_BYTES), size)):
        raise TruncatedPhoto(sniff.UNFINISHED)
    try:
        samples = _pixels(bare, size, np.uint8)
    except BadPhoto as error:
        if hollow:
            raise TruncatedPhoto(sniff.UNFINISHED) from error
        raise
    return Native("RGBA" if samples.shape[2:] == (4,) else "RGB", samples)


def _is_short(bare: bytes, size: tuple[int, int]) -> bool:
    """The decoder misses something of the WebP."""
    try:
        _pixels(bare, size, np.uint8)
    except BadPhoto:
        return True
    return False


def _pixels(data: bytes, size: tuple[int, int], dtype: type[np.uint8 | np.uint16] = np.uint16) -> Samples:
    """What OpenCV reads, RGB order; (H, W) or (H, W, 3-4).  Raises BadPhoto for anything else."""
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise BadPhoto(
            "the picture is damaged and cannot be decoded; try to save it anew elsewhere"
        ) from error
    if found is None or found.dtype != dtype or found.shape[:2] != size:
        raise BadPhoto("the picture is damaged and cannot be decoded; try to save it anew elsewhere")
    if found.ndim == 3:
        swapped = cv2.COLOR_BGR2RGB if found.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
        cv2.cvtColor(found, swapped, dst=found)
    return found


def _unassociated(samples: Samples) -> Samples:
    """Colour that was multiplied by alpha, divided by it again."""
    alpha = samples[..., 3:].astype(np.float32)
    colour = samples[..., :3] * np.divide(65535, alpha, where=alpha > 0, out=np.zeros_like(alpha))
    whole = np.rint(colour).clip(0, 65535).astype(np.uint16)
    return np.concatenate([whole, samples[..., 3:]], axis=2)
