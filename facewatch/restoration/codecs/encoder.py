"""Photo in, bytes out.

What a format cannot hold goes to the nearest that it can (`modes.NEAREST`): transparency is laid on white for
JPEG, 16 bits become 8 for all but PNG and TIFF, CMYK becomes sRGB for all but JPEG and TIFF. IPTC records
stay in JPEG and TIFF only, JPEG's comments and PNG's text chunks in their own format. BMP holds no
description, so no provenance either.
"""

from __future__ import annotations

import dataclasses
import io
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import BinaryIO

import cv2
import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image
from PIL.ExifTags import Base

from facewatch.errors import BadPhoto, PhotoTooLarge, WrongUse
from facewatch.restoration.codecs import formats, jpeg, pixel_modes, png, tiff
from facewatch.restoration.codecs.metadata import exif, xmp
from facewatch.restoration.codecs.photo import Metadata, Native, Photo, Provenance

FINE_QUALITY = 90
"""From here on colour is stored as finely as brightness (4:4:4)."""
MOST_OPTIMIZED_PIXELS = 40_000_000
"""Up to here a JPEG gets Huffman tables of its own: 3-10 % smaller, for 6 bytes of memory a pixel."""
HEIC_PRESET, AVIF_SPEED = "fast", 8
"""Measured on a 2.8-megapixel photo: half the time of the encoders' own choice, files 2 and 3 % larger."""
_COLOUR_SPACES = {b"GRAY": "L", b"RGB ": "RGB", b"CMYK": "CMYK"}


JPEG_QUALITY = 92


@dataclasses.dataclass(frozen=True, eq=False)
class _Copy:
    """What is to be written."""

    native: Native
    metadata: Metadata
    photo: Photo
    quality: int


def encode(photo: Photo, format: str, quality: int, provenance: Provenance) -> bytes:  # noqa: A002 - the field's word
    """The file's bytes, with every description that the format holds and the provenance.

    Where the photo's form cannot be got back exactly ("1", "P", "CMYK"), pixels that are still the original's
    are written as they were. EXIF is upright and of the right size, without its old thumbnail.

    format   a name of formats.FORMATS
    quality  1-100; of no meaning to PNG, TIFF, BMP and a WebP that came without loss

    Raises WrongUse for an unknown format or quality, PhotoTooLarge when the picture is too large for the
    format, BadPhoto when the encoder refuses it.
    """
    row = formats.BY_NAME.get(format)
    if row is None or not 1 <= quality <= 100:
        raise WrongUse(
            f'There is no way to write "{format}" at quality {quality}; formats: {", ".join(_WRITERS)}.'
        )
    height, width = photo.pixels.shape[:2]
    if max(width, height) > row.max_side:
        raise PhotoTooLarge(
            f"{width} x {height} pixels are too many for {format}, which ends at {row.max_side} a side; "
            "choose png or a smaller upscale"
        )
    native = pixel_modes.target(photo, row)
    metadata = _described(photo.metadata, provenance, (width, height), native.mode)
    try:
        return _WRITERS[format](_Copy(native, metadata, photo, quality))
    except (OSError, ValueError, RuntimeError, struct.error) as error:
        raise BadPhoto(f"the restored picture cannot be written as {format} ({error})") from error


def _described(metadata: Metadata, provenance: Provenance, size: tuple[int, int], mode: str) -> Metadata:
    return dataclasses.replace(
        metadata,
        exif=exif.restored(metadata.exif, provenance.software, size, metadata.dpi, metadata.laid),
        xmp=xmp.restored(metadata.xmp, provenance, size, metadata.laid),
        icc=fitting(metadata.icc, mode),
    )


def fitting(icc: bytes | None, mode: str) -> bytes | None:
    """The profile, if it is whole and speaks of samples in this form, which is one of Photo.mode."""
    if icc is None or len(icc) < 132 or icc[36:40] != b"acsp":
        return None
    base = {"1": "L", "P": "RGB"}.get(mode, mode.removesuffix("16").removesuffix("A"))
    return icc if _COLOUR_SPACES.get(icc[16:20]) == base else None


def _memory() -> BinaryIO:
    """A file in memory: Pillow lets other threads run while it writes a JPEG into it, not into BytesIO."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it
            return open(os.memfd_create("photo"), "w+b", buffering=0)  # noqa: PTH123 - it has no path
    return io.BytesIO()


def _saved(image: Image.Image, pillow_name: str, **options: object) -> bytes:
    """What Pillow writes; an option that is None is not said."""
    said = {name: value for name, value in options.items() if value is not None}
    with _memory() as stream:
        image.save(stream, pillow_name, **said)
        stream.seek(0)
        return stream.read()


def _jpeg(copy: _Copy) -> bytes:
    image = pixel_modes.image(copy.native)
    save = partial(
        _saved,
        image,
        "JPEG",
        quality=copy.quality,
        subsampling=_sampling(copy),
        dpi=_whole_dpi(copy.metadata),
        icc_profile=copy.metadata.icc,
        exif=b"Exif\0\0" + exif.small(copy.metadata.exif or b""),
        extra=jpeg.segments(copy.metadata),
    )
    if image.width * image.height > MOST_OPTIMIZED_PIXELS:
        return save()
    try:
        return save(optimize=True)
    except OSError:  # Pillow sets a byte or two a pixel aside for this, and grain at high quality takes more
        return save()


def _sampling(copy: _Copy) -> int:
    """Pillow's own numbers: 0 = 4:4:4, 2 = 4:2:0."""
    # In CMYK it would be magenta, yellow and black that lose half their resolution.
    if copy.quality >= FINE_QUALITY or copy.native.mode == "CMYK":
        return 0
    return 2 if copy.photo.subsampling is None else copy.photo.subsampling


def _whole_dpi(metadata: Metadata) -> tuple[int, int] | None:
    if metadata.dpi is None:
        return None
    across, down = (min(65_535, max(1, round(side))) for side in metadata.dpi)
    return across, down


def _png(copy: _Copy) -> bytes:
    if copy.native.mode not in ("1", "P"):
        return png.write(copy.native.samples, copy.metadata)
    palette = copy.native.palette if copy.photo.alpha is not None else None
    clear = None if palette is None else palette[:, 3].tobytes()
    return png.join(_saved(pixel_modes.image(copy.native), "PNG", transparency=clear), copy.metadata)


def _webp(copy: _Copy) -> bytes:
    return _saved(
        pixel_modes.image(copy.native),
        "WEBP",
        quality=copy.quality,
        lossless=copy.photo.lossless,
        exact=copy.photo.lossless,  # colour under full transparency stays as well
        icc_profile=copy.metadata.icc,
        exif=copy.metadata.exif,
        xmp=copy.metadata.xmp,
    )


def _tiff(copy: _Copy) -> bytes:
    return tiff.join(copy.native, copy.metadata)


def _bmp(copy: _Copy) -> bytes:
    if copy.native.mode != "RGBA":
        return _saved(pixel_modes.image(copy.native), "BMP", dpi=copy.metadata.dpi)
    # Pillow's own BMP header has no word for alpha; version 4 has a mask for it.
    height, width = copy.native.samples.shape[:2]
    per_metre = [round(side / 0.0254) for side in copy.metadata.dpi or (96, 96)]
    body = np.ascontiguousarray(cv2.cvtColor(copy.native.samples, cv2.COLOR_RGBA2BGRA)[::-1])
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, body.nbytes, *per_metre, 0, 0)
    masks = struct.pack("<IIII4s48x", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs")
    start = 14 + len(header) + len(masks)
    first = struct.pack("<2sIHHI", b"BM", start + body.nbytes, 0, 0, start)
    return b"".join((first, header, masks, body.data))


def _heic(copy: _Copy) -> bytes:
    stream = io.BytesIO()
    options = {
        "quality": copy.quality,
        "chroma": 444 if copy.quality >= FINE_QUALITY else 420,
        "exif": copy.metadata.exif,
        "xmp": copy.metadata.xmp,
        "icc_profile": copy.metadata.icc,
        "enc_params": {"preset": HEIC_PRESET},
    }
    said = {name: value for name, value in options.items() if value is not None}
    pillow_heif.from_pillow(pixel_modes.image(copy.native)).save(stream, **said)
    return stream.getvalue()


def _avif(copy: _Copy) -> bytes:
    fine = copy.quality >= FINE_QUALITY and copy.native.mode != "L"
    return _saved(
        pixel_modes.image(copy.native),
        "AVIF",
        quality=copy.quality,
        subsampling="4:4:4" if fine else None,
        speed=AVIF_SPEED,
        icc_profile=copy.metadata.icc,
        # With an orientation in it Pillow would write the block anew, and maker notes would break.
        exif=exif.without(copy.metadata.exif or b"", exif.ORIENTATION),
        xmp=copy.metadata.xmp,
    )


_WRITERS: dict[str, Callable[[_Copy], bytes]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "tiff": _tiff,
    "bmp": _bmp,
    "heic": _heic,
    "avif": _avif,
}


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
