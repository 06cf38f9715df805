"""The strips of a TIFF file, compressed with Deflate.

Sources: TIFF 6.0 (1992), section 14, and Adobe's supplement on Deflate (2002).
"""

from __future__ import annotations

import zlib

import numpy as np

from facewatch.restoration.codecs import parallel
from facewatch.restoration.codecs.metadata.tiff_tags import ByteOrder
from facewatch.restoration.codecs.parallel import Rows
from facewatch.restoration.codecs.photo import Samples

TARGET_STRIP_BYTES = 1 << 18
_SAMPLES, _SAMPLE_ROWS = 16, 3


def compress(samples: Samples, order: ByteOrder, *, predicted: bool) -> tuple[list[bytes], int]:
    """Return the compressed strips and the number of rows in each."""
    packed: Samples = np.packbits(samples, axis=1) if samples.dtype == np.bool_ else samples
    rows = max(1, TARGET_STRIP_BYTES // max(1, packed[0].nbytes))
    spans = parallel.row_spans(len(packed), rows)

    def strip_rows(span: tuple[int, int]) -> Rows:
        band = packed[slice(*span)]
        if predicted:
            band = band.copy()
            band[:, 1:] -= packed[slice(*span), :-1]  # wraps around, as the format requires
        ordered = band.astype(band.dtype.newbyteorder(order), copy=False)
        return ordered.reshape(len(band), -1).view(np.uint8)

    some = [strip_rows(span)[:_SAMPLE_ROWS] for span in spans[:: -(-len(spans) // _SAMPLES)]]
    deflate = parallel.choose_deflate(some)

    def compress(span: tuple[int, int]) -> bytes:
        compressor = zlib.compressobj(deflate.level, zlib.DEFLATED, 15, 9, deflate.strategy)
        return compressor.compress(strip_rows(span).data) + compressor.flush()

    return list(parallel.map_ordered(compress, spans)), rows
