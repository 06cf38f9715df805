"""A photo in memory, and everything about it that has to survive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from facewatch.restoration.types import Pixels

Samples: TypeAlias = npt.NDArray[Any]
"""Pixels in a file's own form: (H, W) or (H, W, C); bool, uint8 or uint16."""

GREY_MODES = frozenset({"1", "L", "LA", "L16", "LA16"})


@dataclass(frozen=True)
class Provenance:
    """What is written into every restored copy."""

    model: str
    weight: float
    version: str  # of facewatch
    source: str = ""  # the SHA-256 of the original's bytes; empty for what is no copy of a photo
    recipe: str = ""  # the name of all that decides what the copy looks like

    @property
    def software(self) -> str:
        """The text of EXIF's Software."""
        return f"facewatch {self.version} (model {self.model}, weight {self.weight:g})"

    @property
    def source_type(self) -> str:
        """IPTC's digital source type: the built-in filters were trained on nothing."""
        kind = (
            "algorithmicallyEnhanced" if self.model == "builtin" else "compositeWithTrainedAlgorithmicMedia"
        )
        return f"http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"


@dataclass(frozen=True)
class SourceOrientation:
    """How the picture lay in its file, of which what is said about places in it speaks."""

    orientation: int = 1  # EXIF's, 1-8, that was applied to the pixels
    size: tuple[int, int] | None = None  # width and height


UNTURNED = SourceOrientation()


@dataclass(frozen=True)
class Metadata:
    """All that a file says about its picture, as it was found."""

    exif: bytes | None = None  # a TIFF block, from its byte-order mark on
    xmp: bytes | None = None  # one packet
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None  # across, down; of the upright picture
    laid: SourceOrientation = UNTURNED
    resources: bytes | None = None  # Photoshop's image resources, which hold the IPTC record
    comments: tuple[bytes, ...] = ()  # JPEG's
    chunks: tuple[tuple[bytes, bytes], ...] = ()  # PNG's text, colour and size chunks: kind, payload


@dataclass(frozen=True, eq=False)
class Native:
    """A picture in the pixel form of a file."""

    mode: str  # as Photo.mode
    samples: Samples
    palette: npt.NDArray[np.uint8] | None = None  # (N, 4) RGBA, N <= 256, for mode "P"


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo; `dataclasses.replace(photo, pixels=..., alpha=...)` makes the restored one.

    pixels  (H, W, 3) uint8 or uint16 RGB, upright
    alpha   (H, W), the dtype of `pixels`; None where the picture has no transparency
    mode    the original's pixel form: "1" bilevel, "L" grey, "P" palette, "RGB", "CMYK"; "A" at the end means
            alpha (a palette has it when `alpha` is there), "16" means 16 bits a channel
    format  a name of formats.FORMATS
    source  the original, upright, where pixels -> mode is lossy ("1", "P", "CMYK"): what the restoration left
            unchanged is written from here
    """

    pixels: Pixels
    alpha: Pixels | None
    mode: str
    format: str
    metadata: Metadata = field(default_factory=Metadata)
    made_by_facewatch: bool = False
    source: Native | None = None
    subsampling: int | None = None  # a JPEG's: 0 = 4:4:4, 1 = 4:2:2, 2 = 4:2:0
    lossless: bool = False  # a WebP that was stored without loss

    @property
    def grey(self) -> bool:
        """The picture has no colour of its own."""
        return self.mode in GREY_MODES
