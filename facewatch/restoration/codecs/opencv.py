"""OpenCV as decoder: for 16-bit pictures, which Pillow cannot hold in colour, and for WebP.

Pillow's WebP class refuses large pictures, by a limit that can be lifted only for the whole process.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np

from facewatch.errors import BadPhoto, NotSupported, TruncatedPhoto
from facewatch.restoration.codecs import rare, sniff, tiff, webp
from facewatch.restoration.codecs.metadata import tiff_tags, tiff_writer
from facewatch.restoration.codecs.metadata.tiff_tags import Directory
from facewatch.restoration.codecs.photo import Raster, Samples

_PNG_MODES = {0: "L16", 2: "RGB16", 4: "LA16", 6: "RGBA16"}
_CUT_BYTES = 32  # half of sniff.ZERO_TAIL_BYTES; decoders read at most 8 ahead
_UNSUPPORTED = "this layout of a 16-bit TIFF is not supported; save it as RGB without extra channels"
_NO_MEMORY = -4  # StsNoMem of OpenCV's error codes
_DAMAGED = "the picture is damaged and cannot be decoded; open it in another program and save it again"


def is_16_bit_png(stripped: bytes) -> bool:
    """Return whether the header gives 16 bits a channel."""
    return stripped[24] == 16


def is_16_bit_tiff(page: Directory) -> bool:
    """Return whether the page is grey or RGB with 16 bits a channel."""
    bits = page.numbers(tiff.BITS)
    return bool(bits) and set(bits) == {16} and page.number(tiff.PHOTOMETRIC, 1) in (0, 1, 2)


def read_png(stripped: bytes, transparent: int | tuple[int, ...] | None) -> Raster:
    """Decode a 16-bit PNG.

    transparent  the grey level or colour that is transparent

    Raises BadPhoto when it is damaged.
    """
    width, height = struct.unpack_from(">II", stripped, 16)
    mode = _PNG_MODES.get(stripped[25], "")
    samples = _decode(stripped, (height, width))
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    if mode == "LA16" and channels == 4:
        samples = np.ascontiguousarray(samples[..., [0, 3]])
    elif mode == "RGB16" and channels == 4:  # with one transparent colour
        mode = "RGBA16"
    elif channels != {"L16": 1, "RGB16": 3, "RGBA16": 4}.get(mode):
        raise BadPhoto(_DAMAGED)
    if mode == "L16" and transparent is not None:  # OpenCV applies it in colour only
        return Raster(
            "LA16", np.dstack([samples, np.where(samples == transparent, 0, 65535).astype(np.uint16)])
        )
    return Raster(mode, samples)


def read_tiff(stripped: bytes, page: Directory) -> Raster:
    """Decode a TIFF page for which `is_16_bit_tiff` is true.

    Raises BadPhoto when it is damaged or of a rare kind.
    """
    channels = page.number(tiff.CHANNELS, 1)
    mode = {1: "L16", 3: "RGB16", 4: "RGBA16"}.get(channels, "")
    formats = set(page.numbers(tiff.SAMPLE_FORMAT)) or {1}
    if not mode or formats != {1} or (channels > 1) != (page.number(tiff.PHOTOMETRIC, 1) == 2):
        raise NotSupported(rare.describe_page(page) or _UNSUPPORTED)
    size = (page.number(tiff.LENGTH, 0), page.number(tiff.WIDTH, 0))
    planar = channels > 1 and page.number(tiff.PLANAR, 1) == 2
    samples = _planes(stripped, page, channels, size) if planar else _decode(stripped, size)
    if samples.shape != (size if channels == 1 else (*size, channels)):
        raise NotSupported(_UNSUPPORTED)
    if page.number(tiff.PHOTOMETRIC, 1) == 0:  # white is zero
        samples = np.uint16(65535) - samples
    extra = page.number(tiff.EXTRA, 0)
    if channels == 4 and extra == 0:  # the fourth channel is not alpha
        return Raster("RGB16", np.ascontiguousarray(samples[..., :3]))
    if channels == 4 and extra == 1:
        samples = _unassociate_alpha(samples)
    return Raster(mode, samples)


def _planes(stripped: bytes, page: Directory, channels: int, size: tuple[int, int]) -> Samples:
    """Decode planar channels, which OpenCV would mix up, each as a grey page."""
    layout = tiff_tags.parse_layout(stripped)
    grey = {
        tiff.CHANNELS: tiff_writer.short_tag(layout.order, 1),
        tiff.BITS: tiff_writer.short_tag(layout.order, 16),
        tiff.PHOTOMETRIC: tiff_writer.short_tag(layout.order, 1),
        tiff.PLANAR: tiff_writer.short_tag(layout.order, 1),
    }
    dropped = {tiff.EXTRA, tiff.SAMPLE_FORMAT, *grey}
    planes = []
    for number in range(channels):
        parts = {}
        for tag in (tiff.STRIP_OFFSETS, tiff.STRIP_BYTES, tiff.TILE_OFFSETS, tiff.TILE_BYTES):
            values = page.numbers(tag)
            share = len(values) // channels
            if values:
                parts[tag] = tiff_writer.long_tag(
                    layout.order, *values[number * share : (number + 1) * share]
                )
        planes.append(
            _decode(
                tiff_writer.rewrite_directory(stripped, lambda tag: tag not in dropped, grey | parts), size
            )
        )
    return np.stack(planes, axis=2)


def read_webp(stripped: bytes, size: tuple[int, int], *, zero_tail: bool) -> Raster:
    """Decode a WebP of `size` rows and columns.

    zero_tail  the file ends in zeros: they are the picture's plain bottom, or not yet written data

    Raises TruncatedPhoto when data is not yet written, BadPhoto when the file is damaged.
    """
    # A decoder needs all zeros that an encoder wrote, but hardly reads those of unwritten data.
    if zero_tail and not (
        sniff.has_zero_tail(stripped) and _is_incomplete(webp.truncate(stripped, _CUT_BYTES), size)
    ):
        raise TruncatedPhoto(sniff.UNFINISHED)
    try:
        samples = _decode(stripped, size, np.uint8)
    except BadPhoto as error:
        if zero_tail:
            raise TruncatedPhoto(sniff.UNFINISHED) from error
        raise
    return Raster("RGBA" if samples.shape[2:] == (4,) else "RGB", samples)


def _is_incomplete(stripped: bytes, size: tuple[int, int]) -> bool:
    """Return whether the decoder finds data of the WebP missing."""
    try:
        _decode(stripped, size, np.uint8)
    except BadPhoto:
        return True
    return False


def _decode(data: bytes, size: tuple[int, int], dtype: type[np.uint8 | np.uint16] = np.uint16) -> Samples:
    """Decode with OpenCV: RGB order, (H, W) or (H, W, 3-4).  Raises BadPhoto for other sizes and dtypes."""
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if error.code == _NO_MEMORY:
            raise MemoryError(str(error)) from error
        raise BadPhoto(_DAMAGED) from error
    if found is None or found.dtype != dtype or found.shape[:2] != size:
        raise BadPhoto(_DAMAGED)
    if found.ndim == 3:
        swapped = cv2.COLOR_BGR2RGB if found.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
        cv2.cvtColor(found, swapped, dst=found)
    return found


def _unassociate_alpha(samples: Samples) -> Samples:
    """Divide premultiplied colour by alpha."""
    alpha = samples[..., 3:].astype(np.float32)
    colour = samples[..., :3] * np.divide(65535, alpha, where=alpha > 0, out=np.zeros_like(alpha))
    whole = np.rint(colour).clip(0, 65535).astype(np.uint16)
    return np.concatenate([whole, samples[..., 3:]], axis=2)
