"""The photo formats, one frozen row each; plain data, so that the watcher can read it without Pillow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """One file format that is read and written."""

    name: str  # as the settings say it
    pillow_name: str  # as Pillow says it
    suffixes: tuple[str, ...]  # lower case; the first is given to new files
    modes: tuple[str, ...]  # the pixel forms that are written, as `Photo.mode` says them
    max_side: int  # pixels; more does not fit the file's header
    lossless: bool = False  # "quality" means nothing to it

    @property
    def alpha(self) -> bool:
        """The format can hold an alpha channel."""
        return "RGBA" in self.modes

    @property
    def deep(self) -> bool:
        """The format can hold 16 bits a channel."""
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
