"""HEIC and AVIF files: the picture and its metadata, by pillow_heif and Pillow."""

from __future__ import annotations

import dataclasses
import io
import re
import struct
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from pillow_heif import HeifImageFile, open_heif

from facewatch.errors import Animated, TruncatedPhoto
from facewatch.restoration.codecs import sniff
from facewatch.restoration.codecs.jpeg_tail import TailPart
from facewatch.restoration.codecs.metadata import exif, icc, xmp_merge
from facewatch.restoration.codecs.photo import (
    BEHIND,
    CREDENTIALS,
    UPRIGHT,
    Metadata,
    Raster,
    SourceOrientation,
)
from facewatch.restoration.codecs.pillow_images import DECODER_ERRORS, Opener, load, open_image, with_dpi
from facewatch.restoration.codecs.size_limit import SizeLimit

_AVIF_EXIF_ITEM = re.compile(rb"(infe\x02.{3}.{4})Exif", re.DOTALL)
_APERTURE = re.compile(rb"\0\0\0\x28clap(.{32})", re.DOTALL)
_UNKNOWN_CROP = "the crop that the file asks for (the whole picture is restored)"
_C2PA = b"uuid" + bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_HEAD_BYTES = 1 << 16  # that hold the boxes before the picture
_SAMSUNG = b"sefd"
_KNOWN_BOXES = {
    b"ftyp", b"meta", b"mdat", b"free", b"skip", b"wide", b"idat", b"moov", b"mpvd", b"uuid", b"etyp",
    b"styp", b"moof", b"mfra", b"sidx", b"pdin", _SAMSUNG,
}  # fmt: skip
_TIFF_HEADS = {b"\0\0\0\x08": b"MM\0*", b"\x08\0\0\0": b"II*\0"}
"""Head of a TIFF block, by the offset that follows it. Some programs leave out the length before the block;
a reader takes the head for it."""
_AUXILIARY = {
    "hdrgainmap": "the gain map (HDR brightness)",
    "gainmap": "the gain map (HDR brightness)",
    "depth": "the depth map",
    "disparity": "the depth map",
    "matte": "the mattes of a portrait",
}


def read_heic(data: bytes, limit: SizeLimit, *, settled: bool) -> tuple[Raster, Metadata]:
    """Decode a HEIC file's primary picture.  Raises as `_read`."""
    return _read(HeifImageFile, data, limit, settled=settled)


def read_avif(data: bytes, limit: SizeLimit, *, settled: bool) -> tuple[Raster, Metadata]:
    """Decode an AVIF file.  Raises as `_read`, and Animated."""
    return _read(_open_avif, data, limit, settled=settled)


def _open_avif(stream: io.BytesIO) -> ImageFile.ImageFile:
    try:
        image = AvifImageFile(stream)
    except (SyntaxError, ValueError, UserWarning):
        # Opening the file reads its EXIF block; hide it in case it is the broken part.
        image = AvifImageFile(io.BytesIO(_AVIF_EXIF_ITEM.sub(rb"\1skip", stream.getvalue())))
    if getattr(image, "n_frames", 1) > 1:
        raise Animated("the AVIF file is animated")
    with suppress(*DECODER_ERRORS):  # Pillow's class reports neither the nclx colour values nor the depth
        described = open_heif(stream.getvalue())
        info = described.info
        image.info["bit_depth"] = info.get("bit_depth")
        if sorted(described.size) != sorted(image.size):
            image.info["crop"] = _aperture(stream.getvalue(), image.size)
        if "icc_profile" not in image.info:
            image.info["nclx_profile"] = info.get("nclx_profile")
    return image


def _read(opener: Opener, data: bytes, limit: SizeLimit, *, settled: bool) -> tuple[Raster, Metadata]:
    """Decode a file: its picture never ends in zeros, but EXIF or XMP after it may.

    settled  the file is not being written any more: what follows its boxes is left out

    Raises TruncatedPhoto, PhotoTooLarge, BadPhoto, DECODER_ERRORS.
    """
    end = sniff.boxes_end(data, settled=settled)
    boxes = data[:end] if end < len(data) else data
    try:
        image = open_image(opener, boxes, limit)
    except DECODER_ERRORS as error:
        if sniff.has_zero_tail(data):
            raise TruncatedPhoto(sniff.UNFINISHED) from error
        if b"moov" in sniff.box_kinds(data):
            raise Animated("the HEIC or AVIF file is animated") from error
        raise
    metadata = _metadata(image, data)
    if sniff.has_zero_tail(boxes, metadata.exif, image.info.get("xmp")):
        raise TruncatedPhoto(sniff.UNFINISHED)
    if data[end:].strip(b"\0"):
        metadata = dataclasses.replace(metadata, lost=(*metadata.lost, BEHIND))
    raster = load(image)
    if crop := image.info.get("crop"):
        raster = dataclasses.replace(raster, samples=np.ascontiguousarray(raster.samples[crop]))
    return raster, metadata


def _aperture(data: bytes, size: tuple[int, int]) -> tuple[slice, slice] | None:
    """Return the rows and columns of an AVIF picture that are shown; None if that cannot be told.

    Pillow's class does not apply the clean aperture. Source: ISO/IEC 14496-12, section 12.1.4: width, height
    and the distance of the centres, each as a fraction.
    """
    found = set(_APERTURE.findall(sniff.box(data, b"meta")))
    if len(found) != 1:
        return None
    numbers = struct.unpack(">IIIIiIiI", found.pop())
    if not all(numbers[1::2]):
        return None
    width, height, right, down = (above / below for above, below in zip(*[iter(numbers)] * 2, strict=True))
    left, top = round((size[0] - width) / 2 + right), round((size[1] - height) / 2 + down)
    columns, rows = slice(left, left + round(width)), slice(top, top + round(height))
    fits = 0 <= left < columns.stop <= size[0] and 0 <= top < rows.stop <= size[1]
    return (rows, columns) if fits else None


def _metadata(image: ImageFile.ImageFile, data: bytes) -> Metadata:
    info = image.info
    block, packet = info.get("exif"), info.get("xmp")
    by_decoder = info.get("original_orientation")  # HEIC is turned by its decoder
    if block:
        block = _TIFF_HEADS.get(block[:4], b"") + block
    exif_block = exif.tiff_block(block) if block else None
    trailer = sniff.box(data, _SAMSUNG)  # the same bytes as behind the maker's JPEG files
    found = xmp_merge.merge([packet] if packet else [])
    lost = [exif.UNREADABLE] if block and exif_block is None else []
    metadata = Metadata(
        exif=exif_block,
        xmp=found.packet,
        unreadable_xmp=found.unreadable,
        icc=info.get("icc_profile") or icc.profile(info.get("nclx_profile")),
        source_orientation=SourceOrientation(by_decoder) if by_decoder and 2 <= by_decoder <= 8 else UPRIGHT,
        tail=(TailPart("other", trailer),) if trailer else (),
        lost=(*lost, *found.notes, *_further(image, data)),
    )
    return with_dpi(metadata, image)


def _further(image: ImageFile.ImageFile, data: bytes) -> list[str]:
    """Return what the file holds beside its primary picture, in words."""
    info: dict[Any, Any] = image.info
    found = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        found.append("1 further picture" if frames == 2 else f"{frames - 1} further pictures")
    names = " ".join(info.get("aux") or {}).lower()
    found += [words for part, words in _AUXILIARY.items() if part in names]
    if info.get("depth_images"):
        found.append(_AUXILIARY["depth"])
    if b"tmap" in data[:_HEAD_BYTES] and _AUXILIARY["gainmap"] not in found:
        found.append(_AUXILIARY["gainmap"])
    kinds = sniff.box_kinds(data)
    if b"mpvd" in kinds:
        found.append("the motion film")
    if b"moov" in kinds:
        found.append("the pictures of its film or burst")
    unknown = sorted(kind.decode("latin-1") for kind in kinds - _KNOWN_BOXES)
    if unknown:
        found.append(f"boxes of a program ({', '.join(unknown)})")
    if _C2PA in data[:_HEAD_BYTES]:
        found.append(CREDENTIALS)
    if "crop" in info and info["crop"] is None:
        found.append(_UNKNOWN_CROP)
    if (depth := info.get("bit_depth") or 8) > 8:
        found.append(f"{depth} bits a channel (8 are kept)")
    return list(dict.fromkeys(found))
