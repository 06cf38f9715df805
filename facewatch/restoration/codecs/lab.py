"""L*a*b* samples as TIFF files hold them, converted to sRGB.

Sources: TIFF 6.0 (1992), section 23; Adobe's TIFF technical notes (1995) on ICC L*a*b*; IEC 61966-2-1. The
matrix is sRGB's primaries adapted to D50 with Bradford's transform (ICC.1:2022, annex E).
"""

from __future__ import annotations

import numpy as np

from facewatch.restoration.codecs import parallel
from facewatch.restoration.codecs.photo import Samples

_BAND_ROWS = 256
_D50 = np.array((0.96422, 1.0, 0.82521), np.float32)
_TO_LINEAR = np.array(
    (
        (3.1338561, -1.6168667, -0.4906146),
        (-0.9787684, 1.9161415, 0.0334540),
        (0.0719453, -0.2289914, 1.4052427),
    ),
    np.float32,
)


def to_srgb(samples: Samples, *, offset: bool) -> Samples:
    """Convert L*, a*, b* to RGB of the same depth.

    samples  (H, W, 3) uint8 or uint16
    offset   a* and b* have an offset, as in an ICC profile; otherwise they are signed
    """
    spans = parallel.row_spans(len(samples), _BAND_ROWS)
    bands = parallel.map_ordered(lambda span: _band(samples[slice(*span)], offset=offset), spans)
    return np.concatenate(list(bands))


def _band(samples: Samples, *, offset: bool) -> Samples:
    top = np.iinfo(samples.dtype).max
    step = (top + 1) // 256  # of a* and b*
    white = 65280 if offset and top > 255 else top
    signed = samples[..., 1:].astype(np.int32)
    signed = signed - 128 * step if offset else np.where(signed > top // 2, signed - top - 1, signed)
    opponents = (signed / step).astype(np.float32)
    height = (samples[..., 0].astype(np.float32) * (100 / white) + 16) / 116
    curves = np.stack([height + opponents[..., 0] / 500, height, height - opponents[..., 1] / 200], axis=2)
    knee = 6 / 29
    xyz = np.where(curves > knee, curves**3, (curves - 4 / 29) * (3 * knee**2)) * _D50
    linear = np.clip(xyz @ _TO_LINEAR.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    rounded: Samples = np.rint(encoded * top).astype(samples.dtype)
    return rounded
