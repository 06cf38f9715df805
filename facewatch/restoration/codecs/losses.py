"""Names of what a copy of a photo does not keep."""

from __future__ import annotations

from collections import Counter

from facewatch.restoration.codecs import jpeg, jpeg_tail, pixel_modes, png, tiff_pages
from facewatch.restoration.codecs.encoder import matching_profile
from facewatch.restoration.codecs.formats import Format
from facewatch.restoration.codecs.jpeg_tail import Kind
from facewatch.restoration.codecs.metadata import exif, xmp
from facewatch.restoration.codecs.photo import Photo

_TAIL_WORDS: dict[Kind, tuple[str, str]] = {
    "gain map": ("the gain map (HDR brightness)", "the gain maps (HDR brightness)"),
    "film": ("the motion film", "the motion films"),
    "picture": ("1 further picture", "{} further pictures"),
    "other": ("the maker's data behind the picture", "the maker's data behind the picture"),
}


def find_losses(photo: Photo, target: Format) -> tuple[str, ...]:
    """Return what a copy in a format does not keep of a photo, each in words that follow "not kept: ".

    Previews and thumbnails are not named: they show the unrestored picture, and no copy has them.
    """
    found = [*photo.metadata.lost, *_picture_losses(photo, target)]
    if target.name == "bmp":
        found += _bmp_losses(photo)
    else:
        found += _metadata_losses(photo, target)
    for page in photo.pages:
        found += find_losses(page, target)
        if tiff_pages.has_directories(page.metadata.exif):
            found.append("EXIF of the further pages")
    if photo.pages and target.name != "tiff":
        found.append(f"{len(photo.pages)} further pages")
    return tuple(dict.fromkeys(found))


def _picture_losses(photo: Photo, target: Format) -> list[str]:
    mode = pixel_modes.nearest_mode(photo, target)
    found = []
    if photo.alpha is not None and not target.alpha and pixel_modes.shows_through(photo.alpha):
        found.append("transparency (it is laid on white)")
    if photo.metadata.pixel_shape and target.name not in ("jpeg", "png"):
        found.append("the shape of its pixels, which are not square")
    if photo.mode.endswith("16") and not mode.endswith("16"):
        found.append("16 bits a channel (8 are kept)")
    if photo.mode == "CMYK" and mode != "CMYK":
        found.append("CMYK (it is converted to sRGB)")
    elif photo.metadata.icc is not None and matching_profile(photo.metadata.icc, mode) is None:
        found.append("an ICC profile that is damaged or does not fit the picture")
    return found


def _metadata_losses(photo: Photo, target: Format) -> list[str]:
    metadata = photo.metadata
    found = []
    if metadata.unreadable_xmp and not _holds_unreadable_xmp(photo, target):
        found.append("an XMP packet that is not valid XML")
    if metadata.resources and target.name not in ("jpeg", "tiff"):
        iptc = jpeg.iptc_record(metadata.resources)
        found.append("the IPTC record" if iptc else "Photoshop's image resources")
    if metadata.comments and target.name != "jpeg":
        found.append("the JPEG comment")
    if (
        photo.format == "png"
        and target.name != "png"
        and any(kind in png.TEXT_CHUNKS for kind, _ in metadata.chunks)
    ):
        found.append("texts of the PNG file")
    if xmp.names_tail(metadata.xmp) and not metadata.tail and not any("film" in words for words in found):
        found.append("XMP about a film or a gain map that the copy does not hold")
    if target.name == "jpeg":
        found += exif.jpeg_losses(metadata.exif)
    else:
        found += _tail_losses(photo)
    return found


def _holds_unreadable_xmp(photo: Photo, target: Format) -> bool:
    longest = max(map(len, photo.metadata.unreadable_xmp))
    return target.name == "png" or (target.name == "jpeg" and longest <= jpeg.MAX_XMP_BYTES)


def _tail_losses(photo: Photo) -> list[str]:
    counts = Counter(part.kind for part in photo.metadata.tail)
    found = []
    for kind, (one, more) in _TAIL_WORDS.items():
        if counts[kind]:
            found.append(one if counts[kind] == 1 else more.format(counts[kind]))
    names = {
        jpeg.segment_name(marker, payload)
        for marker, payload in photo.metadata.segments
        if not payload.startswith((jpeg_tail.MPF, jpeg.GAIN_MAP))
    }
    if names:
        found.append(f"segments of the camera or a program ({', '.join(sorted(names))})")
    return found


def _bmp_losses(photo: Photo) -> list[str]:
    metadata = photo.metadata
    kinds = {
        "EXIF": metadata.exif,
        "XMP": metadata.xmp or metadata.unreadable_xmp,
        "IPTC": metadata.resources,
        "texts": metadata.comments or [kind for kind, _ in metadata.chunks if kind in png.TEXT_CHUNKS],
    }
    named = [name for name, value in kinds.items() if value]
    return (
        [f"{' and '.join(filter(None, [', '.join(named[:-1]), named[-1]]))} (BMP holds none)"]
        if named
        else []
    )
