"""The encoder: a photo to a file's bytes.

A mode that a format cannot hold becomes the nearest that it can (`pixel_modes.MODE_FALLBACKS`): transparency
is flattened on white for JPEG, 16 bits become 8 for all but PNG and TIFF, CMYK becomes sRGB for all but JPEG
and TIFF. IPTC records stay in JPEG and TIFF only, JPEG comments and PNG text chunks in their own format. BMP
holds no metadata but a profile, so no provenance either. `losses` names what a copy does not keep.
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
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image
from PIL.ExifTags import Base

from facewatch.errors import BadPhoto, PhotoTooLarge, WrongUse
from facewatch.restoration.codecs import (
    bmp,
    formats,
    jpeg,
    jpeg_tail,
    pixel_modes,
    png,
    tiff_encoder,
    tiff_pages,
)
from facewatch.restoration.codecs.jpeg_tail import TailPart
from facewatch.restoration.codecs.metadata import exif, xmp
from facewatch.restoration.codecs.photo import Metadata, Photo, Provenance, Raster

FULL_CHROMA_QUALITY = 90
"""From this quality on, colour is stored at full resolution (4:4:4)."""
MAX_OPTIMIZED_PIXELS = 40_000_000
"""Up to this size a JPEG gets optimized Huffman tables: 3-10 % smaller, for 6 bytes of memory a pixel."""
HEIC_PRESET, AVIF_SPEED = "fast", 8
"""Measured on a 2.8-megapixel photo: half the time of the encoders' defaults, files 2 and 3 % larger."""
MAX_HEVC_PIXELS = 140_000_000
"""A larger picture becomes a grid of tiles: HEVC's highest level ends at 142.6 million luma samples."""
HEIC_TILE = 1024
PLAIN_JPEG_QUALITY = 92
_COLOUR_SPACES = {b"GRAY": "L", b"RGB ": "RGB", b"CMYK": "CMYK"}


@dataclasses.dataclass(frozen=True, eq=False)
class _Output:
    """A converted picture with its metadata and encoding options."""

    raster: Raster
    metadata: Metadata
    photo: Photo
    quality: int


def encode(photo: Photo, format: str, quality: int, provenance: Provenance) -> bytes:  # noqa: A002 - the field's word
    """Encode a photo with the provenance and all the metadata that the format holds.

    Where converting to the photo's mode is lossy ("1", "P", "CMYK"), pixels that the restoration left
    unchanged are written from the original. EXIF gets orientation 1 and the new size, and no thumbnail.

    format   a name of formats.FORMATS
    quality  1-100; ignored for PNG, TIFF, BMP and a WebP that was lossless

    Raises WrongUse for an unknown format or quality, PhotoTooLarge when the picture is too large for the
    format, BadPhoto when the encoder refuses it.
    """
    target = formats.BY_NAME.get(format)
    if target is None or not 1 <= quality <= 100:
        raise WrongUse(
            f'Cannot write "{format}" at quality {quality}. Use a quality from 1 to 100 and one of these '
            f"formats: {', '.join(_ENCODERS)}."
        )
    height, width = photo.pixels.shape[:2]
    if max(width, height) > target.max_side:
        raise PhotoTooLarge(
            f"the picture has {width} x {height} pixels, but {format} holds at most {target.max_side} "
            "a side; choose png or a smaller upscale"
        )
    try:
        data = _ENCODERS[format](_converted(photo, target, quality, provenance))
        if photo.pages and format == "tiff":
            further = [_converted(page, target, quality, provenance) for page in photo.pages]
            return tiff_pages.append(data, [(page.raster, page.metadata) for page in further])
    except (OSError, ValueError, RuntimeError, struct.error) as error:
        raise BadPhoto(
            f"the restored picture cannot be written as {format} ({error}); choose another output format"
        ) from error
    return data


def _converted(photo: Photo, target: formats.Format, quality: int, provenance: Provenance) -> _Output:
    height, width = photo.pixels.shape[:2]
    raster = pixel_modes.for_format(photo, target)
    tail = photo.metadata.tail if target.name == "jpeg" else ()
    metadata = _copy_metadata(photo.metadata, provenance, (width, height), raster.mode, tail)
    return _Output(raster, metadata, photo, quality)


def _copy_metadata(
    metadata: Metadata, provenance: Provenance, size: tuple[int, int], mode: str, tail: tuple[TailPart, ...]
) -> Metadata:
    return dataclasses.replace(
        metadata,
        exif=exif.restored(
            metadata.exif, provenance.software, size, metadata.dpi, metadata.source_orientation
        ),
        xmp=xmp.restored(metadata.xmp, provenance, size, metadata.source_orientation, tail=tail),
        tail=tail,
        icc=matching_profile(metadata.icc, mode),
    )


def matching_profile(icc: bytes | None, mode: str) -> bytes | None:
    """Return the profile if it is complete and fits the mode, one of Photo.mode; None otherwise."""
    if icc is None or len(icc) < 132 or icc[36:40] != b"acsp":
        return None
    base = {"1": "L", "P": "RGB"}.get(mode, mode.removesuffix("16").removesuffix("A"))
    return icc if _COLOUR_SPACES.get(icc[16:20]) == base else None


def _memory_file() -> BinaryIO:
    """Open a file in memory: Pillow lets other threads run while it writes a JPEG there, not to BytesIO."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it
            return open(os.memfd_create("photo"), "w+b", buffering=0)  # noqa: PTH123 - it has no path
    return io.BytesIO()


def _save(image: Image.Image, pillow_name: str, **options: object) -> bytes:
    """Return the bytes that Pillow writes; options that are None are left out."""
    with _memory_file() as stream:
        image.save(stream, pillow_name, **_without_none(options))
        stream.seek(0)
        return stream.read()


def _without_none(options: dict[str, object]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _encode_jpeg(output: _Output) -> bytes:
    picture = _encode_picture(output)
    if output.metadata.pixel_shape:
        picture = jpeg.with_pixel_shape(picture, output.metadata.pixel_shape)
    return jpeg_tail.append(picture, output.metadata.tail) if output.metadata.tail else picture


def _encode_picture(output: _Output) -> bytes:
    image = pixel_modes.to_pillow(output.raster)
    save = partial(
        _save,
        image,
        "JPEG",
        quality=output.quality,
        subsampling=_chroma_subsampling(output),
        dpi=_integer_dpi(output.metadata),
        icc_profile=output.metadata.icc,
        exif=b"Exif\0\0" + exif.fit_jpeg(output.metadata.exif or b""),
        extra=jpeg.metadata_segments(output.metadata),
    )
    if image.width * image.height > MAX_OPTIMIZED_PIXELS:
        return save()
    try:
        return save(optimize=True)
    except OSError:  # Pillow reserves a byte or two a pixel for this, and grain at high quality takes more
        return save()


def _chroma_subsampling(output: _Output) -> int:
    """Return the subsampling as Pillow numbers it: 0 = 4:4:4, 2 = 4:2:0."""
    # In CMYK magenta, yellow and black would lose half their resolution.
    if output.quality >= FULL_CHROMA_QUALITY or output.raster.mode == "CMYK":
        return 0
    return 2 if output.photo.subsampling is None else output.photo.subsampling


def _integer_dpi(metadata: Metadata) -> tuple[int, int] | None:
    if metadata.dpi is None:
        return None
    across, down = (min(65_535, max(1, round(side))) for side in metadata.dpi)
    return across, down


def _encode_png(output: _Output) -> bytes:
    if output.raster.mode not in ("1", "P"):
        return png.write(output.raster.samples, output.metadata)
    palette = output.raster.palette if output.photo.alpha is not None else None
    alphas = None if palette is None else palette[:, 3].tobytes()
    return png.insert_metadata(
        _save(pixel_modes.to_pillow(output.raster), "PNG", transparency=alphas), output.metadata
    )


def _encode_webp(output: _Output) -> bytes:
    return _save(
        pixel_modes.to_pillow(output.raster),
        "WEBP",
        quality=output.quality,
        lossless=output.photo.lossless,
        exact=True,  # keeps colour under full transparency too
        icc_profile=output.metadata.icc,
        exif=output.metadata.exif,
        xmp=output.metadata.xmp,
    )


def _encode_tiff(output: _Output) -> bytes:
    return tiff_encoder.write(output.raster, output.metadata)


def _encode_bmp(output: _Output) -> bytes:
    raster, metadata = output.raster, output.metadata
    if raster.mode == "RGBA" or (raster.mode == "RGB" and metadata.icc):
        return bmp.write(raster.samples, metadata.dpi, metadata.icc)
    return _save(pixel_modes.to_pillow(raster), "BMP", dpi=metadata.dpi)


def _encode_heic(output: _Output) -> bytes:
    stream = io.BytesIO()
    height, width = output.raster.samples.shape[:2]
    options: dict[str, object] = {
        "quality": output.quality,
        "chroma": 444 if output.quality >= FULL_CHROMA_QUALITY else 420,
        "exif": output.metadata.exif,
        "xmp": output.metadata.xmp,
        "icc_profile": output.metadata.icc,
        "enc_params": {"preset": HEIC_PRESET},
        "tile_size": HEIC_TILE if width * height > MAX_HEVC_PIXELS else None,
    }
    pillow_heif.from_pillow(pixel_modes.to_pillow(output.raster)).save(stream, **_without_none(options))
    return stream.getvalue()


def _encode_avif(output: _Output) -> bytes:
    fine = output.quality >= FULL_CHROMA_QUALITY and output.raster.mode != "L"
    return _save(
        pixel_modes.to_pillow(output.raster),
        "AVIF",
        quality=output.quality,
        subsampling="4:4:4" if fine else None,
        speed=AVIF_SPEED,
        icc_profile=output.metadata.icc,
        # Given an orientation, Pillow would rewrite the block and break maker notes.
        exif=exif.without_tags(output.metadata.exif or b"", exif.ORIENTATION),
        xmp=output.metadata.xmp,
    )


_ENCODERS: dict[str, Callable[[_Output], bytes]] = {
    "jpeg": _encode_jpeg,
    "png": _encode_png,
    "webp": _encode_webp,
    "tiff": _encode_tiff,
    "bmp": _encode_bmp,
    "heic": _encode_heic,
    "avif": _encode_avif,
}


def encode_plain(
    pixels: npt.NDArray[np.uint8],
    format: str,  # noqa: A002 - the field's word
    provenance: Provenance,
    icc: bytes | None = None,
) -> bytes:
    """Encode a picture tagged as made by facewatch, so that it is never restored.

    pixels  (H, W, 3) uint8 RGB
    format  "jpeg" or "png"
    icc     the photo's profile; left out unless it is an RGB profile
    """
    tags = Image.Exif()
    tags[Base.Software] = provenance.software
    data = io.BytesIO()
    Image.fromarray(pixels).save(
        data, format.upper(), quality=PLAIN_JPEG_QUALITY, exif=tags, icc_profile=matching_profile(icc, "RGB")
    )
    return data.getvalue()
