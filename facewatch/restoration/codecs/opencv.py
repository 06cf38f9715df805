"""OpenCV as decoder: for 16-bit pictures, which Pillow cannot hold in colour, and for WebP.

Pillow's WebP class refuses large pictures, by a limit that can be lifted only for the whole process.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np

from facewatch.errors import BadPhoto, TruncatedPhoto
from facewatch.restoration.codecs import sniff, tiff_samples, webp
from facewatch.restoration.codecs.metadata.tiff_tags import Directory
from facewatch.restoration.codecs.photo import Raster, Samples

_PNG_MODES = {0: "L16", 2: "RGB16", 4: "LA16", 6: "RGBA16"}
_CUT_BYTES = 32  # half of sniff.ZERO_TAIL_BYTES; decoders read at most 8 ahead
_NO_MEMORY = -4  # StsNoMem of OpenCV's error codes
_DAMAGED = "the picture is damaged and cannot be decoded; open it in another program and save it again"


def is_16_bit_png(stripped: bytes) -> bool:
    """Return whether the header gives 16 bits a channel."""
    return stripped[24] == 16


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
    """Decode a TIFF page for which `tiff_samples.is_taken` is true.

    Raises BadPhoto when it is damaged or of a rare kind.
    """
    return tiff_samples.read(stripped, page, _decode)


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
