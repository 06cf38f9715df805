"""The decoder: a file's bytes to a photo.

The image libraries receive the picture without its metadata, which is read here, so that a broken EXIF block
or profile cannot stop a picture that decodes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile, get_sampling
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from facewatch.errors import BadPhoto, FacewatchError, NotSupported, TruncatedPhoto
from facewatch.restoration.codecs import (
    bmff,
    bmp,
    jpeg,
    jpeg_end,
    jpeg_turn,
    opencv,
    pixel_modes,
    png,
    rare,
    sniff,
    tiff,
    tiff_pages,
    tiff_samples,
    webp,
)
from facewatch.restoration.codecs.metadata import exif, tiff_tags, xmp
from facewatch.restoration.codecs.photo import BEHIND, Metadata, Photo, Raster, Samples, SourceOrientation
from facewatch.restoration.codecs.pillow_images import (
    DECODER_ERRORS,
    load,
    open_image,
    with_dpi,
    with_exif_dpi,
)
from facewatch.restoration.codecs.size_limit import SizeLimit

MAX_DPI = 65_000
"""A higher resolution is noise, and does not fit every format."""

_UNREAD = ("not implemented", "not been built in", "unsupported codec")
"""In the words of decoders: a form that they do not read."""

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


@dataclasses.dataclass(frozen=True)
class _Task:
    """The conditions of one decoding."""

    limit: SizeLimit
    settled: bool


def decode(data: bytes, limit: SizeLimit | int, *, settled: bool = False) -> Photo:
    """Decode a file's bytes into an upright photo.

    Broken metadata is left out and named in `Metadata.lost`; a broken picture is an error.

    limit    of the picture's size; a number is the most pixels
    settled  the file is not being written any more: a JPEG without its end mark is decoded if every row is
             there, and a file that ends too early is said to be cut off

    Raises TruncatedPhoto when the file is empty or ends too early, PhotoTooLarge when its header gives more
    than the limit, before anything is decoded, Animated, and BadPhoto when it is no photo or damaged.
    """
    task = _Task(limit if isinstance(limit, SizeLimit) else SizeLimit(limit), settled)
    try:
        data = sniff.without_blank_start(data)
        format_name = sniff.detect_format(data)
        with _translate_errors(data):
            offsets = tiff_pages.pages_of(data) if format_name == "tiff" else []
            if offsets:
                return _decode_pages(data, offsets, task)
            return _upright_photo(format_name, _DECODERS[format_name](data, task))
    except TruncatedPhoto as error:
        if settled:
            raise TruncatedPhoto(sniff.CUT_OFF) from error
        raise


def _decode_pages(data: bytes, offsets: list[int], task: _Task) -> Photo:
    sizes = [tiff.size(tiff_tags.read_directory(data, offset)) for offset in offsets]
    task.limit.check((max(width for width, _ in sizes), sum(height for _, height in sizes)))
    pages = []
    for offset in offsets:
        alone = tiff_pages.single(data, offset)
        with _translate_errors(alone):
            pages.append(_upright_photo("tiff", _decode_tiff(alone, task)))
    return dataclasses.replace(pages[0], pages=tuple(pages[1:]))


@contextmanager
def _translate_errors(data: bytes) -> Iterator[None]:
    try:
        yield
    except FacewatchError:
        raise
    except DECODER_ERRORS as error:
        if "truncated" in str(error).lower():
            raise TruncatedPhoto(
                "the picture is incomplete: it is damaged or still being copied; facewatch tries it again"
            ) from error
        form = rare.describe(data)
        if form is not None:
            raise NotSupported(form) from error
        if any(words in str(error).lower() for words in _UNREAD):
            raise NotSupported(
                f"the picture has a form that facewatch does not read ({error}); save it as PNG or JPEG"
            ) from error
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
    shape, lies = metadata.pixel_shape, source_orientation.orientation >= 5
    metadata = dataclasses.replace(
        metadata,
        dpi=dpi[::-1] if dpi and lies else dpi,
        pixel_shape=shape[::-1] if shape and lies else shape,
        source_orientation=source_orientation,
    )
    if metadata.tail:
        metadata = jpeg_turn.upright(metadata)
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


def _decode_jpeg(data: bytes, task: _Task) -> _Decoded:
    parts = jpeg.split(data)
    # OpenCV would be three times as fast, but it accepts half a picture without an error.
    image = open_image(JpegImageFile, parts.picture, task.limit)
    sampling = get_sampling(image)
    if not parts.ended:
        picture = parts.picture.rstrip(b"\xff")  # half an end mark
        if not (task.settled and jpeg_end.has_every_row(picture)):
            raise TruncatedPhoto(jpeg.INCOMPLETE)
        image = open_image(JpegImageFile, picture + jpeg_end.MARK, task.limit)
    metadata = with_dpi(parts.metadata, image)
    if not parts.ended and jpeg_end.has_data_behind(picture):
        metadata = dataclasses.replace(metadata, lost=(*metadata.lost, BEHIND))
    return _Decoded(load(image), metadata, sampling if sampling >= 0 else None)


def _decode_png(data: bytes, task: _Task) -> _Decoded:
    stripped, metadata = png.split(data, settled=task.settled)
    image = open_image(PngImageFile, stripped, task.limit)
    if opencv.is_16_bit_png(stripped):
        raster = opencv.read_png(stripped, image.info.get("transparency"))
    else:
        _scale_transparent_level(image, bits=stripped[24])
        raster = load(image)
    return _Decoded(raster, with_exif_dpi(metadata))


def _scale_transparent_level(image: Image.Image, bits: int) -> None:
    """Scale the transparent grey level to 8 bits: Pillow scales the samples, but not that level."""
    if image.mode == "L" and "transparency" in image.info:
        top = 2**bits - 1
        image.info["transparency"] = (image.info["transparency"] & top) * 255 // top


def _decode_webp(data: bytes, task: _Task) -> _Decoded:
    stripped, metadata, zero_tail = webp.split(data, settled=task.settled)
    width, height = webp.size(stripped)
    task.limit.check((width, height))
    picture = opencv.read_webp(stripped, (height, width), zero_tail=zero_tail)
    return _Decoded(picture, with_exif_dpi(metadata), lossless=webp.is_lossless(stripped))


def _decode_tiff(data: bytes, task: _Task) -> _Decoded:
    stripped, metadata, page = tiff.split(data, settled=task.settled)
    task.limit.check(tiff.size(page))
    if tiff_samples.is_taken(page):
        return _Decoded(opencv.read_tiff(stripped, page), metadata)
    image = open_image(TiffImageFile, stripped, task.limit)
    # With its memory allocated here, the class does not check the limit of the process.
    image.im = Image.new(image.mode, image.size).im
    return _Decoded(load(image), metadata)


def _decode_bmp(data: bytes, task: _Task) -> _Decoded:
    data = bmp.with_file_header(data)
    if bmp.is_masked(data):  # Pillow knows a few masks, and no alpha in 16 bits
        task.limit.check(bmp.size(data))
        raster, lost = bmp.read_masked(data)
        return _Decoded(raster, Metadata(icc=bmp.profile(data), dpi=bmp.resolution(data), lost=lost))
    image = open_image(BmpImageFile, data, task.limit)
    return _Decoded(load(image), with_dpi(Metadata(icc=bmp.profile(data)), image))


def _decode_heic(data: bytes, task: _Task) -> _Decoded:
    return _Decoded(*bmff.read_heic(data, task.limit, settled=task.settled))


def _decode_avif(data: bytes, task: _Task) -> _Decoded:
    return _Decoded(*bmff.read_avif(data, task.limit, settled=task.settled))


_DECODERS: dict[str, Callable[[bytes, _Task], _Decoded]] = {
    "jpeg": _decode_jpeg,
    "png": _decode_png,
    "webp": _decode_webp,
    "tiff": _decode_tiff,
    "bmp": _decode_bmp,
    "heic": _decode_heic,
    "avif": _decode_avif,
}
