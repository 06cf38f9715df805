"""JPEG files without an end mark, as some webcams and panorama programs write them."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

MARK = b"\xff\xd9"
_PADDINGS = tuple(np.random.default_rng(seed).integers(0, 255, 4096, np.uint8).tobytes() for seed in (1, 2))
"""Noise without the byte 255, which begins a marker: data of a picture as a decoder sees it."""
_SURPLUS_BYTES = 64
"""Of fewer bytes behind the rows, padding for the most part, nothing is said."""
_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)


def has_every_row(picture: bytes) -> bool:
    """Return whether a JPEG without an end mark decodes to its last row.

    picture  the file without its metadata

    A decoder fills missing rows without a word. So the file is decoded twice, continued with different noise:
    where the noise shows, the picture was not complete.
    """
    scans = list(_scans(picture))
    if not scans or not _all_bits(scans) or not _all_restarts(picture):
        return False
    first, second = (_decoded(picture + padding + MARK) for padding in _PADDINGS)
    return first == second


def has_data_behind(picture: bytes) -> bool:
    """Return whether a JPEG without an end mark, but with every row, has more behind its rows."""
    return has_every_row(picture.rstrip(b"\0\xff")[:-_SURPLUS_BYTES])


def _decoded(data: bytes) -> bytes:
    with JpegImageFile(io.BytesIO(data)) as image:
        image.decodermaxblock = len(data)  # as in pillow_images
        image.load()
        return Image.Image.tobytes(image)


def _segments(picture: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker, payload and end of every segment, those between two scans included."""
    at = 2
    while True:
        at = picture.find(b"\xff", at)
        if at < 0 or at + 4 > len(picture):
            return
        marker = picture[at + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD9:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + struct.unpack_from(">H", picture, at + 2)[0]
        yield marker, picture[at + 4 : end], end
        at = end


def _scans(picture: bytes) -> Iterator[bytes]:
    return (payload for marker, payload, _ in _segments(picture) if marker == 0xDA)


def _all_bits(scans: list[bytes]) -> bool:
    """Return whether the scans hold every coefficient to its last bit; else a progressive file is cut."""
    lowest: dict[int, dict[int, int]] = {}
    for scan in scans:
        count = scan[0]
        if len(scan) < 4 + 2 * count:
            return False
        first, last, bits = scan[1 + 2 * count], scan[2 + 2 * count], scan[3 + 2 * count] & 15
        for component in range(count):
            lowest.setdefault(scan[1 + 2 * component], {}).update(dict.fromkeys(range(first, last + 1), bits))
    return all(len(levels) == 64 and not any(levels.values()) for levels in lowest.values())


def _all_restarts(picture: bytes) -> bool:
    """Return whether the last scan has as many restart marks as its header asks for.

    Those of the scans before it need no look: another scan followed them.
    """
    interval, blocks, frame, start = 0, 0, b"", 0
    for marker, payload, end in _segments(picture):
        if marker == 0xDD and len(payload) >= 2:
            (interval,) = struct.unpack_from(">H", payload)
        if marker in _FRAMES:
            frame = payload
        if marker == 0xDA:
            blocks, start = _blocks(frame, payload), end
    if not interval:
        return True
    marks = sum(picture.count(bytes((0xFF, 0xD0 + number)), start) for number in range(8))
    return marks == math.ceil(blocks / interval) - 1


def _blocks(frame: bytes, scan: bytes) -> int:
    """Return how many units a scan has, between which restart marks may lie; 0 for a broken header.

    Source: ITU T.81, A.2: a scan of one component has that one's blocks, others those of the whole grid.
    """
    if len(frame) < 6 or len(frame) < 6 + 3 * frame[5]:
        return 0
    height, width = (int(side) for side in struct.unpack_from(">HH", frame, 1))
    factors = {frame[at]: (frame[at + 1] >> 4, frame[at + 1] & 15) for at in range(6, 6 + 3 * frame[5], 3)}
    across, down = (max([1, *(factor[axis] for factor in factors.values())]) for axis in (0, 1))
    wide, high = 8 * across, 8 * down
    if scan[0] == 1:
        own = factors.get(scan[1], (across, down))
        width, height = (math.ceil(width * own[0] / across), math.ceil(height * own[1] / down))
        wide = high = 8
    return math.ceil(width / wide) * math.ceil(height / high)
