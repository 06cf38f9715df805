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


def has_every_row(picture: bytes) -> bool:
    """Return whether a JPEG without an end mark decodes to its last row.

    picture  the file without its metadata

    A decoder fills missing rows without a word. So the file is decoded twice, continued with different noise:
    where the noise shows, the picture was not complete.
    """
    scans = list(_scans(picture))
    if not scans or not _all_bits(scans) or not _all_restarts(picture, scans):
        return False
    first, second = (_decoded(picture + padding + MARK) for padding in _PADDINGS)
    return first == second


def _decoded(data: bytes) -> bytes:
    with JpegImageFile(io.BytesIO(data)) as image:
        image.load()
        return Image.Image.tobytes(image)


def _segments(picture: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and payload of every segment, those between two scans included."""
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
        yield marker, picture[at + 4 : end]
        at = end


def _scans(picture: bytes) -> Iterator[bytes]:
    return (payload for marker, payload in _segments(picture) if marker == 0xDA)


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


def _all_restarts(picture: bytes, scans: list[bytes]) -> bool:
    """Return whether as many restart marks are there as the header asks for; True if it asks for none."""
    interval, blocks = 0, 0
    for marker, payload in _segments(picture):
        if marker == 0xDD and len(payload) >= 2:
            (interval,) = struct.unpack_from(">H", payload)
        if marker in (0xC0, 0xC1, 0xC2) and len(payload) >= 6:
            height, width, count = struct.unpack_from(">HHB", payload, 1)
            factors = [payload[7 + 3 * number] for number in range(count)]
            across, down = max(each >> 4 for each in factors), max(each & 15 for each in factors)
            if count == 1:
                across = down = 1
            blocks = math.ceil(width / (8 * across)) * math.ceil(height / (8 * down))
    if not interval:
        return True
    marks = sum(picture.count(bytes((0xFF, 0xD0 + number))) for number in range(8))
    return len(scans) == 1 and marks == math.ceil(blocks / interval) - 1
