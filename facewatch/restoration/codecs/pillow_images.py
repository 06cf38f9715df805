"""Pillow's format classes as decoders.

They are used instead of Image.open: no other format can be opened, and no limit or registry of the process is
touched.
"""

from __future__ import annotations

import dataclasses
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any, TypeAlias

from PIL import Image, ImageFile

from facewatch.restoration.codecs import pixel_modes
from facewatch.restoration.codecs.metadata import exif
from facewatch.restoration.codecs.photo import Metadata, Raster
from facewatch.restoration.codecs.size_limit import SizeLimit

DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, struct.error, LookupError, EOFError, TypeError, ArithmeticError,
    AttributeError, RuntimeError, AssertionError, zlib.error, Image.DecompressionBombError, Warning,
)  # fmt: skip
"""Errors that the image libraries raise for malformed bytes."""

Opener: TypeAlias = Callable[[io.BytesIO], ImageFile.ImageFile]


def open_image(opener: Opener, data: bytes, limit: SizeLimit) -> ImageFile.ImageFile:
    """Read the header and check the picture's size.  Raises PhotoTooLarge, BadPhoto, DECODER_ERRORS."""
    image = opener(io.BytesIO(data))
    limit.check(image.size)
    image.decodermaxblock = len(data)  # a JPEG's arithmetic decoder cannot wait for further data
    return image


def load(image: ImageFile.ImageFile) -> Raster:
    """Decode the picture.  Raises BadPhoto for a mode that is not supported, DECODER_ERRORS."""
    image.load()
    return pixel_modes.from_pillow(image)


def with_dpi(metadata: Metadata, image: ImageFile.ImageFile) -> Metadata:
    """Add the resolution from the container, else from EXIF."""
    stored: Any = image.info.get("dpi")
    dpi = (float(stored[0]), float(stored[1])) if stored and min(stored) > 0 else None
    return with_exif_dpi(dataclasses.replace(metadata, dpi=dpi))


def with_exif_dpi(metadata: Metadata) -> Metadata:
    """Add the resolution from EXIF, unless there is one."""
    return metadata if metadata.dpi else dataclasses.replace(metadata, dpi=exif.resolution(metadata.exif))
