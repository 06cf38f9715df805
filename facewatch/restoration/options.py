"""Options of a restoration, the same classes from the config file to the pipeline.

Plain data without numpy, so that the daemon can hold them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

OTHER_PERSON = "it no longer looked like the same person"
"""The reason to keep a face whose restored form became another person's."""


NOT_COMPARED = "the model makes up people, and the face could not be compared: the model sface is missing"
"""The reason to keep a face of such a model that the gate could not measure."""


@dataclass(frozen=True)
class RestorationOptions:
    """Options of a photo's restoration; the config's table [restoration]."""

    upscale: Annotated[int, Ge(1), Le(4)] = 1
    background: str = "none"  # or an upscaler's name
    face_upsample: bool = False  # the upscaler on the restored crops as well
    only_center_face: bool = False
    aligned: bool = False  # the photo is one upright face already: no detection
    max_faces: Annotated[int | None, Ge(1)] = None  # the largest ones
    min_face_px: Annotated[float, Ge(0)] = (
        5  # between the eyes; the limit of GFPGAN's and CodeFormer's scripts
    )
    max_face_px: Annotated[int, Ge(64)] = (
        512  # longer side of the box: a larger face is restored unless sharp
    )
    detector: str = "auto"
    detect_size: Annotated[int | None, Ge(256), Le(8192)] = None  # None: measured as best for the detector
    detect_threshold: Annotated[float, Gt(0), Lt(1)] = 0.9
    try_rotations: bool = False
    mask: Literal["soft", "parse"] = "soft"
    color_fix: bool = True
    identity: Literal["protect", "warn", "off"] = "protect"  # of a face that became another person's
    identity_threshold: Annotated[float | None, Ge(0), Le(1)] = (
        None  # of similarity; None: measured, by the input's quality
    )
    compare: Literal["none", "side-by-side", "slider-html"] = "none"
    save_crops: bool = False


@dataclass(frozen=True)
class FaceChoice:
    """A user's choice for one face, in place of the photo's weight and of the rules about faces."""

    box: tuple[float, float, float, float]  # x0, y0, x1, y1, pixels of the upright original, as in FaceReport
    weight: float | None  # 0-1; None keeps the original face
    model: str | None = None  # None: the photo's

    def to_json(self) -> dict[str, Any]:
        """Return the choice as JSON data; without a model if it is the photo's."""
        model = {} if self.model is None else {"model": self.model}
        return {"box": list(self.box), "weight": self.weight, **model}


@dataclass(frozen=True)
class OutputOptions:
    """Options of a copy's file; the config's table [output]."""

    format: Literal["same", "jpeg", "png", "webp", "tiff", "bmp", "heic", "avif"] = "same"
    heic: Literal["heic", "jpeg"] = "jpeg"  # what "same" means for HEIC photos
    quality: Annotated[int, Ge(1), Le(100)] = 95
    suffix: str = ""
    no_faces: Literal["copy", "skip"] = "copy"
    content_credentials: str | None = (
        None  # a PEM file with certificates and key; None: copies are not signed
    )


@dataclass(frozen=True)
class Setup:
    """Models that an engine holds for its whole life, and what they run on."""

    model: str
    detector: str
    detector_network: str  # its form: a key of `restoration.build.DETECTORS`
    parser: str | None  # None: the soft mask
    upscaler: str | None  # None: plain enlargement
    device: str
    detect_size: int | None  # pixels, the long side; None: the detector's own
    detect_threshold: float  # 0-1
    files: Mapping[str, str] = field(default_factory=dict)  # model name -> checkpoint
    precision: str = "auto"  # auto, float32, bfloat16 or float16
    background: bool = False  # other programs go first
    identity: str | None = None  # the network that tells people apart; None: it is not here
    others: tuple[str, ...] = ()  # models that single faces of a photo get in place of `model`
    # Model name -> the form that its file must have, and the side of its crops in pixels; absent: any.
    forms: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    second_files: Mapping[str, str] = field(default_factory=dict)  # model name -> name of its second file
