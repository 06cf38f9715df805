"""The pictures behind a JPEG's own, turned with it: a gain map lies on its picture pixel by pixel.

A gain map stays valid for the restored copy: it is a quarter of the size, smooth, and multiplies the
picture's brightness, which the restoration keeps.
"""

from __future__ import annotations

import dataclasses
import io
import struct
from collections.abc import Iterator

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from facewatch.restoration.codecs.jpeg_tail import turned
from facewatch.restoration.codecs.metadata import exif
from facewatch.restoration.codecs.photo import PREVIEW, Metadata
from facewatch.restoration.codecs.pillow_images import DECODER_ERRORS

_QUALITY = 95
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(metadata: Metadata) -> Metadata:
    """Return the metadata with the pictures behind the main one turned as it is, and without previews.

    All of them are left out, and named as lost, if one of them is damaged.
    """
    kept = tuple(part for part in metadata.tail if part.kind != "preview")
    if len(kept) < len(metadata.tail):
        metadata = dataclasses.replace(metadata, lost=(*metadata.lost, PREVIEW))
    orientation = metadata.source_orientation.orientation
    if orientation in _TURNS:
        try:
            kept = turned(kept, lambda data: turn(data, orientation))
        except DECODER_ERRORS:
            lost = "the pictures behind the main one, of which one is damaged"
            return dataclasses.replace(metadata, tail=(), lost=(*metadata.lost, lost))
    return dataclasses.replace(metadata, tail=kept)


def turn(data: bytes, orientation: int) -> bytes:
    """Return a JPEG turned upright with all its segments; unchanged if it has an orientation of its own."""
    segments = list(_application_segments(data))
    block = b"".join(part[10:] for part in segments if part[4:8] == b"Exif")
    if exif.orientation(exif.tiff_block(block) if block else None) is not None:
        return data
    with JpegImageFile(io.BytesIO(data)) as image:
        sampling = get_sampling(image)
        image.load()
        upright = image.transpose(_TURNS[orientation])
    stream = io.BytesIO()
    upright.save(stream, "JPEG", quality=_QUALITY, subsampling=max(0, sampling))
    plain = stream.getvalue()
    return plain[:2] + b"".join(segments) + plain[2:]


def _application_segments(data: bytes) -> Iterator[bytes]:
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1] != 0xDA:
        end = at + 2 + int(struct.unpack_from(">H", data, at + 2)[0])
        if 0xE0 < data[at + 1] <= 0xEF and data[at + 1] != 0xEE:  # JFIF's and Adobe's describe the encoding
            yield data[at:end]
        at = end
