"""The decoder: a file's bytes to a photo.

The image libraries receive the picture without its metadata, which is read here, so that a broken EXIF block
or profile cannot stop a picture that decodes. Pillow's format classes are used instead of Image.open: no
other format can be opened, and no limit or registry of the process is touched.
"""

from __future__ import annotations

import dataclasses
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile, get_sampling
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from pillow_heif import HeifImageFile, open_heif

from facewatch.errors import BadPhoto, FacewatchError, PhotoTooLarge, TruncatedPhoto
from facewatch.restoration.codecs import jpeg, opencv, pixel_modes, png, sniff, tiff, webp
from facewatch.restoration.codecs.metadata import exif, icc, xmp
from facewatch.restoration.codecs.photo import UPRIGHT, Metadata, Photo, Raster, Samples, SourceOrientation

MAX_DPI = 65_000
"""A higher resolution is noise, and does not fit every format."""

DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, struct.error, LookupError, EOFError, TypeError, ArithmeticError,
    AttributeError, RuntimeError, AssertionError, zlib.error, Image.DecompressionBombError, Warning,
)  # fmt: skip
"""Errors that the image libraries raise for malformed bytes."""

Opener: TypeAlias = Callable[[io.BytesIO], ImageFile.ImageFile]

_AVIF_EXIF_ITEM = re.compile(rb"(infe\x02.{3}.{4})Exif", re.DOTALL)
_TO_UPRIGHT: dict[int, Callable[[Samples], cv2.typing.MatLike]] = {
    2: lambda a: cv2.flip(a, 1),
    3: lambda a: cv2.flip(a, -1),
    4: lambda a: cv2.flip(a, 0),
    5: cv2.transpose,
    6: lambda a: cv2.rotate(a, cv2.ROTATE_90_CLOCKWISE),
    7: lambda a: cv2.flip(cv2.transpose(a), -1),
    8: lambda a: cv2.rotate(a, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


@dataclasses.dataclass(frozen=True)
class _Decoded:
    """A picture as stored in its file, before it is turned upright."""

    raster: Raster
    metadata: Metadata
    subsampling: int | None = None
    lossless: bool = False


def decode(data: bytes, max_pixels: int) -> Photo:
    """Decode a file's bytes into an upright photo.

    Broken metadata (EXIF, XMP, profile) is left out; a broken picture is an error.

    Raises TruncatedPhoto when the file is empty or ends too early, PhotoTooLarge when its header gives more
    than `max_pixels`, before anything is decoded, and BadPhoto when it is no photo, damaged or several.
    """
    format_name = sniff.detect_format(data)
    with _translate_errors():
        decoded = _DECODERS[format_name](data, max_pixels)
        return _upright_photo(format_name, decoded)


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except FacewatchError:
        raise
    except DECODER_ERRORS as error:
        if "truncated" in str(error).lower():
            raise TruncatedPhoto("the picture is incomplete: it is damaged or still being copied") from error
        raise BadPhoto(
            f"the picture is damaged and cannot be decoded ({error}); "
            "open it in another program and save it again"
        ) from error


def _upright_photo(format_name: str, decoded: _Decoded) -> Photo:
    metadata = decoded.metadata
    orientation = exif.orientation(metadata.exif) or xmp.orientation(metadata.xmp) or 1
    if orientation in _TO_UPRIGHT:
        raster = dataclasses.replace(
            decoded.raster, samples=_turn_upright(decoded.raster.samples, orientation)
        )
    else:
        raster = decoded.raster
    source_orientation = _source_orientation(decoded, orientation)
    dpi = metadata.dpi if metadata.dpi and all(1 <= side <= MAX_DPI for side in metadata.dpi) else None
    metadata = dataclasses.replace(
        metadata,
        dpi=dpi[::-1] if dpi and source_orientation.orientation >= 5 else dpi,
        source_orientation=source_orientation,
    )
    pixels, alpha = pixel_modes.to_rgb(raster, metadata.icc)
    return Photo(
        pixels=pixels,
        alpha=alpha,
        mode=raster.mode,
        format=format_name,
        metadata=metadata,
        made_by_facewatch=exif.made_by_facewatch(metadata.exif) or xmp.made_by_facewatch(metadata.xmp),
        source=raster if raster.mode in pixel_modes.LOSSY_MODES else None,
        subsampling=decoded.subsampling,
        lossless=decoded.lossless,
    )


def _source_orientation(decoded: _Decoded, orientation: int) -> SourceOrientation:
    """Return the picture's orientation in its file; `orientation` is what the decoder left to be applied."""
    height, width = decoded.raster.samples.shape[:2]
    by_decoder = decoded.metadata.source_orientation.orientation
    return SourceOrientation(
        orientation if orientation in _TO_UPRIGHT else by_decoder,
        (height, width) if by_decoder >= 5 else (width, height),
    )


def _turn_upright(samples: Samples, orientation: int) -> Samples:
    """Return the samples turned upright; as bytes where they are bits, which OpenCV cannot hold."""
    turned = _TO_UPRIGHT[orientation](samples.view(np.uint8) if samples.dtype == np.bool_ else samples)
    return np.asarray(turned).view(samples.dtype)


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise BadPhoto("the picture has no pixels")
    if width * height > max_pixels:
        raise PhotoTooLarge(
            f"the picture has {width} x {height} pixels ({width * height / 1e6:.0f} megapixels); "
            f"the limit is {max_pixels / 1e6:.0f}; raise max_megapixels if it is a real photo"
        )


def _open(opener: Opener, data: bytes, max_pixels: int) -> ImageFile.ImageFile:
    """Read the header and check the picture's size."""
    image = opener(io.BytesIO(data))
    _check_size(image.size, max_pixels)
    return image


def _load(image: ImageFile.ImageFile) -> Raster:
    image.load()
    return pixel_modes.from_pillow(image)


def _with_dpi(metadata: Metadata, image: ImageFile.ImageFile) -> Metadata:
    """Add the resolution from the container, else from EXIF."""
    stored: Any = image.info.get("dpi")
    dpi = (float(stored[0]), float(stored[1])) if stored and min(stored) > 0 else None
    return _with_exif_dpi(dataclasses.replace(metadata, dpi=dpi))


def _with_exif_dpi(metadata: Metadata) -> Metadata:
    return metadata if metadata.dpi else dataclasses.replace(metadata, dpi=exif.resolution(metadata.exif))


def _decode_jpeg(data: bytes, max_pixels: int) -> _Decoded:
    stripped, metadata = jpeg.split(data)
    image = _open(JpegImageFile, stripped, max_pixels)
    sampling = get_sampling(image)
    # OpenCV would be three times as fast, but it accepts half a picture without an error.
    return _Decoded(_load(image), _with_dpi(metadata, image), sampling if sampling >= 0 else None)


def _decode_png(data: bytes, max_pixels: int) -> _Decoded:
    stripped, metadata = png.split(data)
    image = _open(PngImageFile, stripped, max_pixels)
    if opencv.is_16_bit_png(stripped):
        raster = opencv.read_png(stripped, image.info.get("transparency"))
    else:
        _scale_transparent_level(image, bits=stripped[24])
        raster = _load(image)
    return _Decoded(raster, _with_exif_dpi(metadata))


def _scale_transparent_level(image: ImageFile.ImageFile, bits: int) -> None:
    """Scale the transparent grey level to 8 bits: Pillow scales the samples, but not that level."""
    if image.mode == "L" and "transparency" in image.info:
        top = 2**bits - 1
        image.info["transparency"] = (image.info["transparency"] & top) * 255 // top


def _decode_webp(data: bytes, max_pixels: int) -> _Decoded:
    stripped, metadata = webp.split(data)
    width, height = webp.size(stripped)
    _check_size((width, height), max_pixels)
    picture = opencv.read_webp(stripped, (height, width), zero_tail=sniff.has_zero_tail(data, metadata.exif))
    return _Decoded(picture, _with_exif_dpi(metadata), lossless=webp.is_lossless(stripped))


def _decode_tiff(data: bytes, max_pixels: int) -> _Decoded:
    stripped, metadata, page = tiff.split(data)
    _check_size((page.number(tiff.WIDTH, 0), page.number(tiff.LENGTH, 0)), max_pixels)
    if opencv.is_16_bit_tiff(page):
        return _Decoded(opencv.read_tiff(stripped, page), metadata)
    image = _open(TiffImageFile, stripped, max_pixels)
    # With its memory allocated here, the class does not check the limit of the process.
    image.im = Image.new(image.mode, image.size).im
    return _Decoded(_load(image), metadata)


def _decode_bmp(data: bytes, max_pixels: int) -> _Decoded:
    image = _open(BmpImageFile, data, max_pixels)
    return _Decoded(_load(image), _with_dpi(Metadata(), image))


def _decode_heic(data: bytes, max_pixels: int) -> _Decoded:
    return _decode_bmff(HeifImageFile, data, max_pixels)


def _decode_avif(data: bytes, max_pixels: int) -> _Decoded:
    return _decode_bmff(_open_avif, data, max_pixels)


def _open_avif(stream: io.BytesIO) -> ImageFile.ImageFile:
    try:
        image = AvifImageFile(stream)
    except (SyntaxError, ValueError, UserWarning):
        # Opening the file reads its EXIF block; hide it in case it is the broken part.
        image = AvifImageFile(io.BytesIO(_AVIF_EXIF_ITEM.sub(rb"\1skip", stream.getvalue())))
    if getattr(image, "n_frames", 1) > 1:
        raise BadPhoto("the AVIF file is animated; only single pictures are restored")
    if "icc_profile" not in image.info:
        with suppress(*DECODER_ERRORS):  # Pillow's class does not report the nclx colour values
            image.info["nclx_profile"] = open_heif(stream.getvalue()).info.get("nclx_profile")
    return image


def _decode_bmff(opener: Opener, data: bytes, max_pixels: int) -> _Decoded:
    """Decode a HEIC or AVIF file: its picture never ends in zeros, but an EXIF block after it may."""
    sniff.check_boxes(data)
    try:
        image = _open(opener, data, max_pixels)
    except DECODER_ERRORS as error:
        if sniff.has_zero_tail(data):
            raise TruncatedPhoto(sniff.UNFINISHED) from error
        raise
    metadata = _container_metadata(image)
    if sniff.has_zero_tail(data, metadata.exif):
        raise TruncatedPhoto(sniff.UNFINISHED)
    return _Decoded(_load(image), metadata)


def _container_metadata(image: ImageFile.ImageFile) -> Metadata:
    info = image.info
    block, packet = info.get("exif"), info.get("xmp")
    by_decoder = info.get("original_orientation")  # HEIC is turned by its decoder
    metadata = Metadata(
        exif=exif.tiff_block(block) if block else None,
        xmp=packet or None,
        icc=info.get("icc_profile") or icc.profile(info.get("nclx_profile")),
        source_orientation=SourceOrientation(by_decoder) if by_decoder in _TO_UPRIGHT else UPRIGHT,
    )
    return _with_dpi(metadata, image)


_DECODERS: dict[str, Callable[[bytes, int], _Decoded]] = {
    "jpeg": _decode_jpeg,
    "png": _decode_png,
    "webp": _decode_webp,
    "tiff": _decode_tiff,
    "bmp": _decode_bmp,
    "heic": _decode_heic,
    "avif": _decode_avif,
}
