"""Bytes in, photo out.

The decoders get to see only what makes the picture; what is said about it is read here, so that a broken EXIF
block or profile cannot stop a picture that decodes. Pillow's format classes are used by name instead of
Image.open: nothing else can be opened, and no limit or registry of the process is touched.
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
from facewatch.restoration.codecs.photo import UNTURNED, Metadata, Native, Photo, Samples, SourceOrientation

MOST_DPI = 65_000
"""A resolution beyond this is noise, and does not fit every format."""

LIBRARY_ERRORS = (
    OSError, SyntaxError, ValueError, struct.error, LookupError, EOFError, TypeError, ArithmeticError,
    AttributeError, RuntimeError, AssertionError, zlib.error, Image.DecompressionBombError, Warning,
)  # fmt: skip
"""What the decoders raise for bytes they do not like."""

Opener: TypeAlias = Callable[[io.BytesIO], ImageFile.ImageFile]

_AVIF_EXIF_ITEM = re.compile(rb"(infe\x02.{3}.{4})Exif", re.DOTALL)
_UPRIGHT: dict[int, Callable[[Samples], cv2.typing.MatLike]] = {
    2: lambda a: cv2.flip(a, 1),
    3: lambda a: cv2.flip(a, -1),
    4: lambda a: cv2.flip(a, 0),
    5: cv2.transpose,
    6: lambda a: cv2.rotate(a, cv2.ROTATE_90_CLOCKWISE),
    7: lambda a: cv2.flip(cv2.transpose(a), -1),
    8: lambda a: cv2.rotate(a, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


@dataclasses.dataclass(frozen=True)
class _Found:
    """A picture as its file has it, before it is turned upright."""

    native: Native
    metadata: Metadata
    subsampling: int | None = None
    lossless: bool = False


def decode(data: bytes, max_pixels: int) -> Photo:
    """The photo in a file's bytes, upright.

    A broken description (EXIF, XMP, profile) is left out; a broken picture is an error.

    Raises TruncatedPhoto when the file is empty or ends too early, PhotoTooLarge when its header says more
    than `max_pixels`, before anything is decoded, and BadPhoto when it is no photo, damaged or several.
    """
    name = sniff.kind(data)
    with _translated():
        found = _READERS[name](data, max_pixels)
        return _photo(name, found)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FacewatchError:
        raise
    except LIBRARY_ERRORS as error:
        if "truncated" in str(error).lower():
            raise TruncatedPhoto("the picture ends too early: it may still be being copied") from error
        raise BadPhoto(
            f"the picture is damaged and cannot be decoded ({error}); try to save it anew elsewhere"
        ) from error


def _photo(name: str, found: _Found) -> Photo:
    metadata = found.metadata
    turned = exif.orientation(metadata.exif) or xmp.orientation(metadata.xmp) or 1
    if turned in _UPRIGHT:
        native = dataclasses.replace(found.native, samples=_upright(found.native.samples, turned))
    else:
        native = found.native
    laid = _laid(found, turned)
    dpi = metadata.dpi if metadata.dpi and all(1 <= side <= MOST_DPI for side in metadata.dpi) else None
    metadata = dataclasses.replace(
        metadata, dpi=dpi[::-1] if dpi and laid.orientation >= 5 else dpi, laid=laid
    )
    pixels, alpha = pixel_modes.working(native, metadata.icc)
    return Photo(
        pixels=pixels,
        alpha=alpha,
        mode=native.mode,
        format=name,
        metadata=metadata,
        made_by_facewatch=exif.ours(metadata.exif) or xmp.ours(metadata.xmp),
        source=native if native.mode in pixel_modes.LOSSY_BACK else None,
        subsampling=found.subsampling,
        lossless=found.lossless,
    )


def _laid(found: _Found, orientation: int) -> SourceOrientation:
    """How the picture lay; `orientation` is what was still to be applied when the decoder was done."""
    height, width = found.native.samples.shape[:2]
    by_decoder = found.metadata.laid.orientation
    return SourceOrientation(
        orientation if orientation in _UPRIGHT else by_decoder,
        (height, width) if by_decoder >= 5 else (width, height),
    )


def _upright(samples: Samples, orientation: int) -> Samples:
    """The picture turned; OpenCV knows no bits, only bytes."""
    turned = _UPRIGHT[orientation](samples.view(np.uint8) if samples.dtype == np.bool_ else samples)
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


def _opened(opener: Opener, data: bytes, max_pixels: int) -> ImageFile.ImageFile:
    """The header, read and checked."""
    image = opener(io.BytesIO(data))
    _check_size(image.size, max_pixels)
    return image


def _loaded(image: ImageFile.ImageFile) -> Native:
    image.load()
    return pixel_modes.native(image)


def _with_said_dpi(metadata: Metadata, image: ImageFile.ImageFile) -> Metadata:
    """The resolution from the container, else from EXIF."""
    said: Any = image.info.get("dpi")
    dpi = (float(said[0]), float(said[1])) if said and min(said) > 0 else None
    return _with_exif_dpi(dataclasses.replace(metadata, dpi=dpi))


def _with_exif_dpi(metadata: Metadata) -> Metadata:
    return metadata if metadata.dpi else dataclasses.replace(metadata, dpi=exif.resolution(metadata.exif))


def _jpeg(data: bytes, max_pixels: int) -> _Found:
    bare, metadata = jpeg.split(data)
    image = _opened(JpegImageFile, bare, max_pixels)
    sampling = get_sampling(image)
    # OpenCV would be three times as fast, but it takes half a picture without a word.
    return _Found(_loaded(image), _with_said_dpi(metadata, image), sampling if sampling >= 0 else None)


def _png(data: bytes, max_pixels: int) -> _Found:
    bare, metadata = png.split(data)
    image = _opened(PngImageFile, bare, max_pixels)
    if opencv.is_deep_png(bare):
        native = opencv.read_png(bare, image.info.get("transparency"))
    else:
        _spread_transparency(image, bits=bare[24])
        native = _loaded(image)
    return _Found(native, _with_exif_dpi(metadata))


def _spread_transparency(image: ImageFile.ImageFile, bits: int) -> None:
    """The transparent grey at 8 bits, to which Pillow spreads the samples but not that level."""
    if image.mode == "L" and "transparency" in image.info:
        top = 2**bits - 1
        image.info["transparency"] = (image.info["transparency"] & top) * 255 // top


def _webp(data: bytes, max_pixels: int) -> _Found:
    bare, metadata = webp.split(data)
    width, height = webp.size(bare)
    _check_size((width, height), max_pixels)
    picture = opencv.read_webp(bare, (height, width), hollow=sniff.hollow(data, metadata.exif))
    return _Found(picture, _with_exif_dpi(metadata), lossless=webp.lossless(bare))


def _tiff(data: bytes, max_pixels: int) -> _Found:
    bare, metadata, page = tiff.split(data)
    _check_size((page.number(tiff.WIDTH, 0), page.number(tiff.LENGTH, 0)), max_pixels)
    if opencv.is_deep_tiff(page):
        return _Found(opencv.read_tiff(bare, page), metadata)
    image = _opened(TiffImageFile, bare, max_pixels)
    # Given its memory here, the class does not ask after the limit of the process.
    image.im = Image.new(image.mode, image.size).im
    return _Found(_loaded(image), metadata)


def _bmp(data: bytes, max_pixels: int) -> _Found:
    image = _opened(BmpImageFile, data, max_pixels)
    return _Found(_loaded(image), _with_said_dpi(Metadata(), image))


def _heic(data: bytes, max_pixels: int) -> _Found:
    return _boxed(HeifImageFile, data, max_pixels)


def _avif(data: bytes, max_pixels: int) -> _Found:
    return _boxed(_avif_file, data, max_pixels)


def _avif_file(stream: io.BytesIO) -> ImageFile.ImageFile:
    try:
        image = AvifImageFile(stream)
    except (SyntaxError, ValueError, UserWarning):
        # EXIF is read while the file is opened; should that be what is broken, it is hidden.
        image = AvifImageFile(io.BytesIO(_AVIF_EXIF_ITEM.sub(rb"\1skip", stream.getvalue())))
    if getattr(image, "n_frames", 1) > 1:
        raise BadPhoto("the AVIF file is animated; only single pictures are restored")
    if "icc_profile" not in image.info:
        with suppress(*LIBRARY_ERRORS):  # Pillow's class tells nothing of the colour's numbers
            image.info["nclx_profile"] = open_heif(stream.getvalue()).info.get("nclx_profile")
    return image


def _boxed(opener: Opener, data: bytes, max_pixels: int) -> _Found:
    """A HEIC or AVIF file, whose pictures never end in zeros; an EXIF block behind them may."""
    sniff.check_boxes(data)
    try:
        image = _opened(opener, data, max_pixels)
    except LIBRARY_ERRORS as error:
        if sniff.hollow(data):
            raise TruncatedPhoto(sniff.UNFINISHED) from error
        raise
    metadata = _said_by(image)
    if sniff.hollow(data, metadata.exif):
        raise TruncatedPhoto(sniff.UNFINISHED)
    return _Found(_loaded(image), metadata)


def _said_by(image: ImageFile.ImageFile) -> Metadata:
    said = image.info
    block, packet = said.get("exif"), said.get("xmp")
    by_decoder = said.get("original_orientation")  # HEIC comes turned
    metadata = Metadata(
        exif=exif.block(block) if block else None,
        xmp=packet or None,
        icc=said.get("icc_profile") or icc.profile(said.get("nclx_profile")),
        laid=SourceOrientation(by_decoder) if by_decoder in _UPRIGHT else UNTURNED,
    )
    return _with_said_dpi(metadata, image)


_READERS: dict[str, Callable[[bytes, int], _Found]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "tiff": _tiff,
    "bmp": _bmp,
    "heic": _heic,
    "avif": _avif,
}
