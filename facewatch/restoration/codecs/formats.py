"""The photo formats, one frozen row each: plain data, so that the watcher needs no Pillow."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A file format that can be read and written."""

    name: str  # as in the settings
    pillow_name: str  # Pillow's name
    suffixes: tuple[str, ...]  # lower case; new files get the first
    modes: tuple[str, ...]  # the modes that are written, as in `Photo.mode`
    max_side: int  # pixels, the most that the file's header holds
    lossless: bool = False  # ignores "quality"

    @property
    def alpha(self) -> bool:
        """True if the format can hold an alpha channel."""
        return "RGBA" in self.modes

    @property
    def deep(self) -> bool:
        """True if the format can hold 16 bits a channel."""
        return "RGB16" in self.modes


_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "L16", "LA16", "RGB16", "RGBA16")
_TIFF = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "L16", "LA16", "RGB16", "RGBA16")

FORMATS: tuple[Format, ...] = (
    Format(
        "jpeg",
        "JPEG",
        (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo"),
        ("L", "RGB", "CMYK"),
        65_500,
    ),
    Format("png", "PNG", (".png",), _PNG, 1_000_000, lossless=True),
    Format("webp", "WEBP", (".webp",), ("RGB", "RGBA"), 16_383),
    Format("tiff", "TIFF", (".tif", ".tiff"), _TIFF, 1_000_000, lossless=True),
    Format("bmp", "BMP", (".bmp", ".dib"), ("1", "L", "P", "RGB", "RGBA"), 1_000_000, lossless=True),
    Format("heic", "HEIF", (".heic", ".heif", ".hif"), ("L", "RGB", "RGBA"), 16_384),
    Format("avif", "AVIF", (".avif",), ("L", "RGB", "RGBA"), 65_536),
)

BY_NAME: dict[str, Format] = {row.name: row for row in FORMATS}
BY_SUFFIX: dict[str, Format] = {suffix: row for row in FORMATS for suffix in row.suffixes}

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"BM", "bmp"),
)
"""The first bytes of a file in each format; WebP, HEIC and AVIF have theirs further on."""
HEAD_BYTES = 64
SIDECAR_SUFFIXES = (".xmp", ".json")
"""Files that belong to a photo of the same name (`sidecars`)."""

_BACKUP = re.compile(r"(_original|~|\.bak|\.old|\.orig)$")
_BMFF_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def has_photo_suffix(name: str) -> bool:
    """Return whether a file's name ends like a photo that is taken."""
    return _suffix(name) in BY_SUFFIX


def may_hold_photo(name: str) -> bool:
    """Return whether a file without a photo's suffix may be one: without any, or with a changed one.

    Programs that save pictures from the web name them so: "photo.jpg_large", "photo.jpg!d", "photo".
    """
    suffix = _suffix(name)
    if not suffix:
        return bool(name)
    if suffix in BY_SUFFIX or _BACKUP.search(name.lower()):
        return False
    return any(suffix.startswith(known) and not suffix[len(known)].isalpha() for known in BY_SUFFIX)


def is_photo_head(head: bytes) -> bool:
    """Return whether the first `HEAD_BYTES` of a file are those of a photo that is taken."""
    if head[4:8] == b"ftyp":
        return any(brand in head[8:] for brand in _BMFF_BRANDS)
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return is_webp or head.startswith(tuple(start for start, name in SIGNATURES if name != "bmp"))


def kind_of_name(name: str) -> str:
    """Return the kind of a file by its name, for a list of kinds: its suffix, or "without suffix"."""
    return _suffix(name) or "without suffix"


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return (dot + suffix).lower() if stem else ""
