"""Pictures of our own making, comparisons and crops, as files without metadata."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

JPEG_QUALITY = 92


def encode_plain(pixels: npt.NDArray[np.uint8], format: str) -> bytes:  # noqa: A002 - the field's word
    """An (H, W, 3) uint8 RGB picture as the bytes of a "jpeg" or "png"."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format.upper(), quality=JPEG_QUALITY)
    return data.getvalue()
