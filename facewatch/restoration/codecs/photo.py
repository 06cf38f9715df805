"""A photo in memory, with everything that a copy must keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from facewatch.restoration.codecs.jpeg_tail import TailPart
from facewatch.restoration.types import Pixels

Samples: TypeAlias = npt.NDArray[Any]
"""Pixels in a file's mode: (H, W) or (H, W, C); bool, uint8 or uint16."""

CREDENTIALS = "content credentials (C2PA) and other JUMBF boxes, which are not valid for a changed picture"
"""What no copy keeps of a signed photo, in words that follow "not kept: "."""
BEHIND = "the data behind the picture"
PREVIEW = "a preview, which shows the unrestored picture"
GREY_MODES = frozenset({"1", "L", "LA", "L16", "LA16"})


@dataclass(frozen=True)
class FaceNote:
    """A face, as a copy records it."""

    area: tuple[float, float, float, float]  # centre x and y, width, height; fractions of the upright picture
    outcome: str  # "restored" or "kept"
    weight: float | None  # with which it was restored
    similarity: float | None  # to the original
    verdict: str  # "same", "other" or "cannot judge"; empty: not compared
    model: str  # that restored it


@dataclass(frozen=True)
class Provenance:
    """The origin that every restored copy records."""

    model: str
    weight: float
    version: str  # of facewatch
    source: str = ""  # the SHA-256 of the original's bytes; empty if the file is no copy of a photo
    recipe: str = ""  # the key of all settings that decide the appearance of the copy
    faces: tuple[FaceNote, ...] = ()  # those that were restored, or kept because they became another person's

    @property
    def software(self) -> str:
        """Return the text of EXIF's Software tag."""
        return f"facewatch {self.version} (model {self.model}, weight {self.weight:g})"

    @property
    def source_type(self) -> str:
        """Return IPTC's digital source type: parts of the picture come from a trained network."""
        return "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


@dataclass(frozen=True)
class SourceOrientation:
    """A picture's orientation and size in its file, to which the coordinates in its metadata refer."""

    orientation: int = 1  # EXIF's, 1-8, already applied to the pixels
    size: tuple[int, int] | None = None  # width and height


UPRIGHT = SourceOrientation()


@dataclass(frozen=True)
class Metadata:
    """A file's metadata, unchanged."""

    exif: bytes | None = None  # a TIFF block that begins with its byte-order mark
    xmp: bytes | None = None  # one packet, which can be parsed
    unreadable_xmp: tuple[bytes, ...] = ()  # packets that cannot
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None  # across, down; of the upright picture
    pixel_shape: tuple[int, int] | None = None  # likewise, densities without a unit
    source_orientation: SourceOrientation = UPRIGHT
    resources: bytes | None = None  # Photoshop's image resources, which hold the IPTC record
    comments: tuple[bytes, ...] = ()  # JPEG's
    segments: tuple[tuple[int, bytes], ...] = ()  # JPEG's other application segments: marker, payload
    tail: tuple[TailPart, ...] = ()  # the data behind a JPEG's end mark
    chunks: tuple[tuple[bytes, bytes], ...] = ()  # PNG's text, colour and size chunks: kind, payload
    lost: tuple[str, ...] = ()  # what no copy keeps, in words that follow "not kept: "


@dataclass(frozen=True, eq=False)
class Raster:
    """A picture's samples in a file's mode."""

    mode: str  # as in Photo.mode
    samples: Samples
    palette: npt.NDArray[np.uint8] | None = None  # (N, 4) RGBA, N <= 256, for mode "P"


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo; `dataclasses.replace(photo, pixels=..., alpha=...)` gives the restored one.

    pixels  (H, W, 3) uint8 or uint16 RGB, upright
    alpha   (H, W), the dtype of `pixels`; None if the picture has no transparency
    mode    the original's pixel mode: "1" bilevel, "L" grey, "P" palette, "RGB", "CMYK"; "A" at the end means
            alpha (a palette has it when `alpha` is set), "16" means 16 bits a channel
    format  a name of formats.FORMATS
    source  the original, upright, if pixels -> mode is lossy ("1", "P", "CMYK"): pixels that the restoration
            left unchanged are written from it
    """

    pixels: Pixels
    alpha: Pixels | None
    mode: str
    format: str
    metadata: Metadata = field(default_factory=Metadata)
    made_by_facewatch: bool = False
    source: Raster | None = None
    subsampling: int | None = None  # a JPEG's: 0 = 4:4:4, 1 = 4:2:2, 2 = 4:2:0
    lossless: bool = False  # a lossless WebP
    pages: tuple[Photo, ...] = ()  # the further pages of a TIFF

    @property
    def grey(self) -> bool:
        """True if the picture has no colour."""
        return self.mode in GREY_MODES
