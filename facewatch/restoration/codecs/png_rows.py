"""PNG's picture data: rows stored as differences from their predictions, compressed in stripes.

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
from facewatch.restoration.codecs.parallel import Deflate, Rows
from facewatch.restoration.codecs.photo import Samples

Predictor = Callable[[Rows, Rows, Rows], Rows]
"""Predicts bytes from those one pixel to the left, above, and above left."""

_ZLIB_HEADER = b"\x78\x01"
STRIPE_BYTES = 1 << 20
_BAND_BYTES = 96 << 10  # small enough to stay in a core's cache with everything computed from it
_SAMPLES, _SAMPLE_BYTES = 16, 24 << 10


def average(left: Rows, above: Rows, _corner: Rows) -> Rows:
    """Predict the mean of left and above, rounded down: best for grainy pictures."""
    mean = left ^ above
    mean >>= 1
    mean += left & above
    return mean


def paeth(left: Rows, above: Rows, corner: Rows) -> Rows:
    """Predict the neighbour nearest to left + above - corner: best for pictures without grain.

    If `corner` is not between left and above, that is the lower or the higher of the two; otherwise it is
    the corner if that is closer to their middle than to either.
    """
    lower, higher = cv2.min(left, above), cv2.max(left, above)
    to_higher, to_lower = cv2.subtract(higher, corner), cv2.subtract(corner, lower)  # saturate at 0
    middle = cv2.compare(cv2.absdiff(to_higher, to_lower), cv2.min(to_higher, to_lower), cv2.CMP_LT)
    cv2.copyTo(higher, cv2.compare(to_higher, to_lower, cv2.CMP_GT), lower)
    cv2.copyTo(corner, middle, lower)
    return np.asarray(lower, np.uint8)


_FILTERS: dict[int, Predictor] = {3: average, 4: paeth}
"""Predictors by PNG's filter type."""


def compress(samples: Samples) -> Iterator[bytes]:
    """Yield the parts of one zlib stream for a picture of (H, W) or (H, W, 2-4) uint8 or uint16.

    A sample of the rows decides the filter and the Deflate settings.
    """
    spans = parallel.row_spans(len(samples), max(1, STRIPE_BYTES // samples[0].nbytes))
    compressed = parallel.map_ordered(partial(_compress_stripe, samples, *_choose_filter(samples)), spans)
    total = 1
    for (start, stop), (pieces, checksum) in zip(spans, compressed, strict=True):
        total = adler32_combine(total, checksum, (stop - start) * (samples[0].nbytes + 1))
        head = b"" if start else _ZLIB_HEADER
        tail = struct.pack(">I", total) if stop == len(samples) else b""
        yield b"".join((head, *pieces, tail))


def _compress_stripe(
    samples: Samples, number: int, deflate: Deflate, span: tuple[int, int]
) -> tuple[list[bytes], int]:
    """Return the compressed pieces of a stripe, and its Adler-32."""
    compressor = zlib.compressobj(deflate.level, zlib.DEFLATED, -15, 9, deflate.strategy)
    pieces, checksum = [], 1
    for top, bottom in parallel.row_spans(span[1] - span[0], max(1, _BAND_BYTES // samples[0].nbytes)):
        rows = _filter_rows(samples, span[0] + top, span[0] + bottom, number)
        checksum = zlib.adler32(rows.data, checksum)
        pieces.append(compressor.compress(rows.data))
    # A flush ends on a whole byte, so that separately compressed stripes form one stream.
    pieces.append(compressor.flush(zlib.Z_FINISH if span[1] == len(samples) else zlib.Z_FULL_FLUSH))
    return pieces, checksum


def _filter_rows(samples: Samples, start: int, stop: int, number: int) -> Rows:
    """Return rows start..stop minus their predictions, each after its filter type."""
    context = samples[max(start - 1, 0) : stop]
    step = context[0, 0].nbytes
    rows = (
        (context if context.dtype == np.uint8 else context.astype(">u2"))
        .reshape(len(context), -1)
        .view(np.uint8)
    )
    padded = np.zeros((stop - start + 1, rows.shape[1] + step), np.uint8)  # 0 outside the picture
    padded[-len(rows) :, step:] = rows
    predicted = _FILTERS[number](padded[1:, :-step], padded[:-1, step:], padded[:-1, :-step])
    filtered = np.empty((stop - start, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = number
    np.subtract(padded[1:, step:], predicted, out=filtered[:, 1:])
    return filtered


def _choose_filter(samples: Samples) -> tuple[int, Deflate]:
    """Return the filter type and the Deflate settings that suit a sample of the rows best."""
    high = max(1, _SAMPLE_BYTES // samples[0].nbytes)
    tops = np.unique(np.linspace(0, max(0, len(samples) - high), _SAMPLES).astype(int))
    tried = {
        number: [_filter_rows(samples, top, min(top + high, len(samples)), number) for top in tops.tolist()]
        for number in _FILTERS
    }
    number = min(tried, key=lambda number: parallel.RLE.compressed_bytes(tried[number]))
    return number, parallel.choose_deflate(tried[number])


def adler32_combine(first: int, second: int, second_length: int) -> int:
    """Return the Adler-32 of two joined byte strings from that of each, by RFC 1950's definition."""
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + second_length * ((first & 0xFFFF) - 1)
    return high % 65521 << 16 | low % 65521
