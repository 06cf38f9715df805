"""The photo formats, one frozen row each: plain data, so that the watcher needs no Pillow."""

from __future__ import annotations

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
_TIFF = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "L16", "RGB16", "RGBA16")

FORMATS: tuple[Format, ...] = (
    Format("jpeg", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), ("L", "RGB", "CMYK"), 65_500),
    Format("png", "PNG", (".png",), _PNG, 1_000_000, lossless=True),
    Format("webp", "WEBP", (".webp",), ("RGB", "RGBA"), 16_383),
    Format("tiff", "TIFF", (".tif", ".tiff"), _TIFF, 1_000_000, lossless=True),
    Format("bmp", "BMP", (".bmp", ".dib"), ("1", "L", "P", "RGB", "RGBA"), 1_000_000, lossless=True),
    Format("heic", "HEIF", (".heic", ".heif", ".hif"), ("L", "RGB", "RGBA"), 16_384),
    Format("avif", "AVIF", (".avif",), ("L", "RGB", "RGBA"), 65_536),
)

BY_NAME: dict[str, Format] = {row.name: row for row in FORMATS}
BY_SUFFIX: dict[str, Format] = {suffix: row for row in FORMATS for suffix in row.suffixes}
