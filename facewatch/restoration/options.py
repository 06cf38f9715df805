"""What is asked for one photo."""

from __future__ import annotations

from dataclasses import dataclass, field

from facewatch.restoration.detection.selection import Limits


@dataclass(frozen=True)
class Wishes:
    """How one photo is to be restored."""

    weight: float = 0.0  # 0 = all restoration, 1 = closest to the original
    upscale: int = 1  # 1-4
    face_upsample: bool = False  # the upscaler on the restored crops as well
    aligned: bool = False  # the photo is one upright face already: no detection
    try_rotations: bool = False
    color_fix: bool = True
    limits: Limits = field(default_factory=Limits)
