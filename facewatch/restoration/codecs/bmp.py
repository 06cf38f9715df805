"""BMP files: the ICC profile in the header of version 5, and a writer for colour with a profile or alpha.

Source: Microsoft, BITMAPV4HEADER and BITMAPV5HEADER structures (wingdi.h).
"""

from __future__ import annotations

import struct

import cv2
import numpy as np

from facewatch.restoration.codecs.photo import Samples

FILE_HEADER_BYTES, V4_BYTES, V5_BYTES = 14, 108, 124
_EMBEDDED, _SRGB = b"DEBM", b"BGRs"
_BITFIELDS = 3


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
