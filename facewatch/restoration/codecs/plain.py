"""Pictures of our own making, comparisons and crops, as files that say who made them and in which colours."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ExifTags import Base

from facewatch.restoration.codecs.encoder import fitting
from facewatch.restoration.codecs.photo import Provenance

JPEG_QUALITY = 92


def encode_plain(
    pixels: npt.NDArray[np.uint8],
    format: str,  # noqa: A002 - the field's word
    provenance: Provenance,
    icc: bytes | None = None,
) -> bytes:
    """A picture as a file, tagged as ours so that it is never restored.

    pixels  (H, W, 3) uint8 RGB
    format  "jpeg" or "png"
    icc     the profile of the photo that is shown; one of other than RGB is left out
    """
    tags = Image.Exif()
    tags[Base.Software] = provenance.software
    data = io.BytesIO()
    Image.fromarray(pixels).save(
        data, format.upper(), quality=JPEG_QUALITY, exif=tags, icc_profile=fitting(icc, "RGB")
    )
    return data.getvalue()
