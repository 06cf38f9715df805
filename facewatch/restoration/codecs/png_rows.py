"""PNG's picture data: every row as its difference to what its neighbours foretell, compressed in stripes.

Source: Portable Network Graphics, third edition (W3C, 2025), sections 9 and 10; RFC 1950 and 1951.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np

from facewatch.restoration.codecs import parallel
from facewatch.restoration.codecs.parallel import Effort, Rows
from facewatch.restoration.codecs.photo import Samples

Predictor = Callable[[Rows, Rows, Rows], Rows]
"""Foretells bytes from those one pixel to the left, above, and above to the left."""

_HEADER = b"\x78\x01"
STRIPE_BYTES = 1 << 20
_BAND_BYTES = 96 << 10  # with what is computed from it, this stays in a core's cache
_SAMPLES, _SAMPLE_BYTES = 16, 24 << 10


def average(left: Rows, above: Rows, _corner: Rows) -> Rows:
    """The mean of left and above, rounded down: best where there is grain."""
    mean = left ^ above
    mean >>= 1
    mean += left & above
    return mean


def paeth(left: Rows, above: Rows, corner: Rows) -> Rows:
    """Of the three neighbours the nearest to left + above - corner: best where there is none.

    That sum leads to the lower or the higher of left and above where `corner` is not between them; where it
    is, the corner itself is nearest if it lies closer to the middle than to either.
    """
    lower, higher = cv2.min(left, above), cv2.max(left, above)
    to_higher, to_lower = cv2.subtract(higher, corner), cv2.subtract(corner, lower)  # these end at 0
    middle = cv2.compare(cv2.absdiff(to_higher, to_lower), cv2.min(to_higher, to_lower), cv2.CMP_LT)
    cv2.copyTo(higher, cv2.compare(to_higher, to_lower, cv2.CMP_GT), lower)
    cv2.copyTo(corner, middle, lower)
    return np.asarray(lower, np.uint8)


_FILTERS: dict[int, Predictor] = {3: average, 4: paeth}
"""By the numbers that PNG gives them."""


def compressed(samples: Samples) -> Iterator[bytes]:
    """The parts of one zlib stream, in order, for a picture of (H, W) or (H, W, 2-4) uint8 or uint16.

    The filter and the effort are those that suit a sample of the rows.
    """
    spans = parallel.spans(len(samples), max(1, STRIPE_BYTES // samples[0].nbytes))
    packed = parallel.in_order(partial(_stripe, samples, *_best(samples)), spans)
    total = 1
    for (start, stop), (pieces, checksum) in zip(spans, packed, strict=True):
        total = joined_checksum(total, checksum, (stop - start) * (samples[0].nbytes + 1))
        head = b"" if start else _HEADER
        tail = struct.pack(">I", total) if stop == len(samples) else b""
        yield b"".join((head, *pieces, tail))


def _stripe(samples: Samples, number: int, effort: Effort, span: tuple[int, int]) -> tuple[list[bytes], int]:
    """The compressed pieces of a stripe, and its Adler-32."""
    packer = zlib.compressobj(effort.level, zlib.DEFLATED, -15, 9, effort.strategy)
    pieces, checksum = [], 1
    for top, bottom in parallel.spans(span[1] - span[0], max(1, _BAND_BYTES // samples[0].nbytes)):
        rows = _filtered(samples, span[0] + top, span[0] + bottom, number)
        checksum = zlib.adler32(rows.data, checksum)
        pieces.append(packer.compress(rows.data))
    # A flush ends on a whole byte, so that stripes packed apart make one stream.
    pieces.append(packer.flush(zlib.Z_FINISH if span[1] == len(samples) else zlib.Z_FULL_FLUSH))
    return pieces, checksum


def _filtered(samples: Samples, start: int, stop: int, number: int) -> Rows:
    """Rows start..stop less what was foretold, each after its filter's number."""
    seen = samples[max(start - 1, 0) : stop]
    step = seen[0, 0].nbytes
    rows = (seen if seen.dtype == np.uint8 else seen.astype(">u2")).reshape(len(seen), -1).view(np.uint8)
    framed = np.zeros((stop - start + 1, rows.shape[1] + step), np.uint8)  # beyond the rim all is 0
    framed[-len(rows) :, step:] = rows
    foretold = _FILTERS[number](framed[1:, :-step], framed[:-1, step:], framed[:-1, :-step])
    coded = np.empty((stop - start, rows.shape[1] + 1), np.uint8)
    coded[:, 0] = number
    np.subtract(framed[1:, step:], foretold, out=coded[:, 1:])
    return coded


def _best(samples: Samples) -> tuple[int, Effort]:
    """The filter and the effort that a sample of the rows says are best."""
    high = max(1, _SAMPLE_BYTES // samples[0].nbytes)
    tops = np.unique(np.linspace(0, max(0, len(samples) - high), _SAMPLES).astype(int))
    tried = {
        number: [_filtered(samples, top, min(top + high, len(samples)), number) for top in tops.tolist()]
        for number in _FILTERS
    }
    number = min(tried, key=lambda number: parallel.RUNS.size(tried[number]))
    return number, parallel.effort(tried[number])


def joined_checksum(first: int, second: int, second_length: int) -> int:
    """The Adler-32 of two stretches from that of each, by RFC 1950's definition of its two sums."""
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + second_length * ((first & 0xFFFF) - 1)
    return high % 65521 << 16 | low % 65521
