"""Pictures of our own making, comparisons and crops, as files that say only who made them."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ExifTags import Base

from facewatch.faces.photo.forms import Provenance

JPEG_QUALITY = 92


def encode_plain(pixels: npt.NDArray[np.uint8], format: str, provenance: Provenance) -> bytes:  # noqa: A002 - the field's word
    """An (H, W, 3) uint8 RGB picture as a "jpeg" or "png", tagged as ours so that it is never restored."""
    tags = Image.Exif()
    tags[Base.Software] = provenance.software
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format.upper(), quality=JPEG_QUALITY, exif=tags)
    return data.getvalue()
