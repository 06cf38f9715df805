"""The forms that pass between the rooms of the core.

Everywhere: RGB, row before column in shapes, x before y in points; pixel centres lie on whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""A picture, (H, W, 3) RGB, uint8 0-255 or uint16 0-65535."""
Crop: TypeAlias = npt.NDArray[np.uint8]
"""One upright face, (512, 512, 3) uint8 RGB."""
Mask: TypeAlias = npt.NDArray[np.float32]
"""How much of a restored crop shows, (512, 512) float32, 0-1."""
Points: TypeAlias = npt.NDArray[np.float32]
"""Five landmarks, (5, 2) float32, x before y: eyes, nose, corners of the mouth, the viewer's left first."""
Affine: TypeAlias = npt.NDArray[np.float64]
"""A (2, 3) matrix that takes photo coordinates to crop coordinates."""

CROP_SIZE = 512


@dataclass(frozen=True, eq=False)
class Face:
    """One face as the detector saw it, in pixels of the picture it was shown."""

    box: tuple[float, float, float, float]  # x0, y0, x1, y1
    landmarks: Points
    score: float  # 0-1

    @property
    def eye_distance(self) -> float:
        """Pixels between the two eyes."""
        return float(np.linalg.norm(self.landmarks[0] - self.landmarks[1]))

    @property
    def size(self) -> float:
        """The longer side of the box, in pixels."""
        x0, y0, x1, y1 = self.box
        return max(x1 - x0, y1 - y0)


@dataclass(frozen=True)
class FaceReport:
    """Outcome of one face, with the reason."""

    box: tuple[float, float, float, float]  # x0, y0, x1, y1, pixels of the upright original
    score: float  # 0-1, the detector's
    fate: Literal["restored", "kept"]
    reason: str  # empty for a plain restoration
    measures: dict[str, float] = field(default_factory=dict)  # room for what later checks measure


class Detector(Protocol):
    """Finds faces."""

    name: str

    def find(self, image: npt.NDArray[np.uint8]) -> list[Face]:
        """The faces of an (H, W, 3) uint8 RGB picture, the surest first."""
        ...


class FaceNetwork(Protocol):
    """Restores upright faces."""

    name: str
    batch: int  # how many faces it is best given at once

    def restore(self, crops: Sequence[Crop], weight: float) -> list[Crop]:
        """One restored crop for each crop; weight 0 = all restoration, 1 = closest to the original.

        Raises NetworkFailed when an output is not a picture (NaN), OutOfMemory when not even one face fits.
        """
        ...


class Masker(Protocol):
    """Says how much of each restored crop is pasted."""

    def masks(self, crops: Sequence[Crop]) -> list[Mask]:
        """One mask for each restored crop; zero at the crop's rim."""
        ...


class Upscaler(Protocol):
    """Enlarges what is not a face."""

    name: str

    def enlarge(self, image: Pixels, scale: int, on_tile: Callable[[int, int], None] | None = None) -> Pixels:
        """The picture `scale` times as large, of the same dtype; `on_tile` hears how many tiles are done.

        Raises OutOfMemory when not even the smallest tile fits.
        """
        ...
