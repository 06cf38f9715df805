"""BMP files: pixels given by bit masks, the profile of version 5, and a writer with profile or alpha.

Source: Microsoft, BITMAPV4HEADER and BITMAPV5HEADER structures (wingdi.h).
"""

from __future__ import annotations

import struct

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.errors import TruncatedPhoto
from facewatch.restoration.codecs.photo import Raster, Samples

FILE_HEADER_BYTES, V4_BYTES, V5_BYTES = 14, 108, 124
_EMBEDDED, _SRGB = b"DEBM", b"BGRs"
_BITFIELDS, _ALPHA_BITFIELDS = 3, 6
_CORE_BYTES, _V3_BYTES = 40, 56
_MOST_MASK_BITS = 16
_INCOMPLETE = "the BMP file is incomplete: it is damaged or still being copied; facewatch tries it again"


def with_file_header(data: bytes) -> bytes:
    """Return a file that begins with a BMP's second header, as some .dib files do, with the first one."""
    if data.startswith(b"BM"):
        return data
    size, bits, compression = *struct.unpack_from("<I", data), *struct.unpack_from("<HI", data, 14)
    (colours,) = struct.unpack_from("<I", data, 32)
    if not colours and bits <= 8:
        colours = 2**bits
    masks = 0 if size > _CORE_BYTES else {_BITFIELDS: 12, _ALPHA_BITFIELDS: 16}.get(compression, 0)
    start = FILE_HEADER_BYTES + size + masks + 4 * colours
    return struct.pack("<2sIHHI", b"BM", FILE_HEADER_BYTES + len(data), 0, 0, start) + data


def is_masked(data: bytes) -> bool:
    """Return whether the pixels of a whole file are given by bit masks that `read_masked` can read."""
    if (
        len(data) < FILE_HEADER_BYTES + _CORE_BYTES + 16
        or struct.unpack_from("<I", data, 14)[0] < _CORE_BYTES
    ):
        return False
    bits, compression = struct.unpack_from("<HI", data, 28)
    if bits not in (16, 32) or compression not in (_BITFIELDS, _ALPHA_BITFIELDS):
        return False
    widths = [mask.bit_length() - _shift(mask) for mask in _masks(data)]
    return all(
        width <= _MOST_MASK_BITS and mask.bit_count() == width
        for width, mask in zip(widths, _masks(data), strict=True)
    )


def size(data: bytes) -> tuple[int, int]:
    """Return width and height from the header."""
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


def resolution(data: bytes) -> tuple[float, float] | None:
    """Return dots an inch, across and down; None if the header has none."""
    across, down = struct.unpack_from("<ii", data, 38)
    return (across * 0.0254, down * 0.0254) if across > 0 and down > 0 else None


def read_masked(data: bytes) -> tuple[Raster, tuple[str, ...]]:
    """Decode a file for which `is_masked` is true; also return in words what 8 bits a channel do not hold.

    Raises TruncatedPhoto when rows are missing.
    """
    width, height = size(data)
    (bits,) = struct.unpack_from("<H", data, 28)
    (start,) = struct.unpack_from("<I", data, 10)
    stride = (width * bits + 31) // 32 * 4
    if start + stride * height > len(data):
        raise TruncatedPhoto(_INCOMPLETE)
    rows = np.frombuffer(data, np.uint8, stride * height, start).reshape(height, stride)
    values = np.ascontiguousarray(rows[:, : width * bits // 8]).view(f"<u{bits // 8}")
    if struct.unpack_from("<i", data, 22)[0] > 0:  # from the bottom up
        values = values[::-1]
    masks = _masks(data)
    channels = [_channel(values, mask) for mask in masks]
    if len(channels) == 4 and not channels[3].any():  # written by programs that know no alpha
        channels.pop()
    deepest = max(mask.bit_count() for mask in masks)
    lost = (f"{deepest} bits a channel (8 are kept)",) if deepest > 8 else ()
    return Raster("RGBA" if len(channels) == 4 else "RGB", np.dstack(channels)), lost


def _masks(data: bytes) -> tuple[int, ...]:
    """Return the masks of red, green, blue, and alpha if the file has one."""
    (header,) = struct.unpack_from("<I", data, 14)
    (compression,) = struct.unpack_from("<I", data, 30)
    masks = struct.unpack_from("<IIII", data, FILE_HEADER_BYTES + _CORE_BYTES)
    has_alpha = (header >= _V3_BYTES or compression == _ALPHA_BITFIELDS) and masks[3]
    return masks if has_alpha else masks[:3]


def _shift(mask: int) -> int:
    return max(0, (mask & -mask).bit_length() - 1)


def _channel(values: npt.NDArray[np.uint16 | np.uint32], mask: int) -> npt.NDArray[np.uint8]:
    """Return the masked bits, scaled to 0-255."""
    top = (1 << mask.bit_count()) - 1
    found = (values & mask) >> _shift(mask)
    scaled = (found.astype(np.uint32) * 255 + top // 2) // max(1, top)
    return scaled.astype(np.uint8)


def profile(data: bytes) -> bytes | None:
    """Return the ICC profile that a file embeds; None if there is none or it is cut."""
    if len(data) < FILE_HEADER_BYTES + V5_BYTES or struct.unpack_from("<I", data, 14)[0] < V5_BYTES:
        return None
    start, length = struct.unpack_from("<II", data, FILE_HEADER_BYTES + 112)
    found = data[FILE_HEADER_BYTES + start : FILE_HEADER_BYTES + start + length]
    is_embedded = data[FILE_HEADER_BYTES + 56 : FILE_HEADER_BYTES + 60] == _EMBEDDED
    return found if is_embedded and len(found) == length > 0 else None


def write(samples: Samples, dpi: tuple[float, float] | None, icc: bytes | None) -> bytes:
    """Return a whole file of a picture, (H, W, 3-4) uint8 RGB or RGBA, with its profile."""
    height, width, channels = samples.shape
    swap = cv2.COLOR_RGBA2BGRA if channels == 4 else cv2.COLOR_RGB2BGR
    rows = np.ascontiguousarray(cv2.cvtColor(samples, swap)[::-1]).reshape(height, -1)
    body = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))  # each row ends on four bytes
    per_metre = [round(side / 0.0254) for side in dpi or (96, 96)]
    size = V5_BYTES if icc else V4_BYTES
    compression = _BITFIELDS if channels == 4 else 0
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000) if channels == 4 else (0, 0, 0, 0)
    head = struct.pack(
        "<IiiHHIIiiII", size, width, height, 1, 8 * channels, compression, body.nbytes, *per_metre, 0, 0
    )
    head += struct.pack("<IIII4s48x", *masks, _EMBEDDED if icc else _SRGB)
    if icc:
        head += struct.pack("<IIII", 4, size + body.nbytes, len(icc), 0)
    start = FILE_HEADER_BYTES + size
    first = struct.pack("<2sIHHI", b"BM", start + body.nbytes + len(icc or b""), 0, 0, start)
    return b"".join((first, head, body.data, icc or b""))
