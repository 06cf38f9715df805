"""Types that the modules of the restoration share.

RGB everywhere; rows before columns in shapes, x before y in points; pixel centres have integer coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""A picture, (H, W, 3) RGB, uint8 0-255 or uint16 0-65535."""
Crop: TypeAlias = npt.NDArray[np.uint8]
"""One upright face, (S, S, 3) uint8 RGB; S is the network's `crop_size`, which for most is 512."""
Mask: TypeAlias = npt.NDArray[np.float32]
"""The opacity of a restored crop, (512, 512) float32, 0-1."""
Points: TypeAlias = npt.NDArray[np.float32]
"""Five landmarks, (5, 2) float32, x before y: eyes, nose, mouth corners, the viewer's left first."""
Affine: TypeAlias = npt.NDArray[np.float64]
"""A (2, 3) matrix that maps photo coordinates to crop coordinates."""

CROP_SIZE = 512
"""The side of a crop in pixels for most networks, and the frame of masks, landmarks and affines for all."""


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face, in pixels of the picture that the detector was given."""

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


Verdict = Literal["same", "other", "cannot judge"]


@dataclass(frozen=True)
class Identity:
    """Whether a restored face still shows the person in the photo."""

    similarity: float | None  # cosine of the two embeddings, -1 to 1; None: not measured, as it says nothing
    verdict: Verdict


@dataclass(frozen=True)
class FaceReport:
    """Outcome of one face, with the reason."""

    box: tuple[float, float, float, float]  # x0, y0, x1, y1, pixels of the upright original
    score: float  # 0-1, the detector's
    fate: Literal["restored", "kept"]
    reason: str  # empty if restored
    measures: dict[str, float] = field(default_factory=dict)  # measured by later checks
    weight: float | None = None  # of the restored face, which may be above the one asked for; None: kept
    identity: Identity | None = None  # None: not checked
    model: str | None = None  # that the user chose for this face; None: the photo's


OnStep: TypeAlias = Callable[[int, int], None]
"""Called with the number of steps done, and their total; an error that it raises ends the work."""


def ignore_step(done: int, total: int) -> None:
    """Do nothing."""


class Detector(Protocol):
    """Finds faces."""

    name: str

    def find(self, image: npt.NDArray[np.uint8]) -> list[Face]:
        """Return the faces of an (H, W, 3) uint8 RGB picture, the highest score first."""
        ...


class FaceNetwork(Protocol):
    """Restores upright faces."""

    name: str
    batch: int  # the best number of faces per call
    crop_size: int  # side of the crops that it takes and returns, pixels

    def restore(self, crops: Sequence[Crop], weight: float) -> list[Crop]:
        """Return one restored crop per crop; weight 0 = all restoration, 1 = closest to the original.

        Raises NetworkFailed when an output is NaN, OutOfMemory when not even one face fits.
        """
        ...


@runtime_checkable
class WorksInSteps(Protocol):
    """A network that takes minutes for a face, in steps."""

    on_step: OnStep  # may be replaced between faces


class Masker(Protocol):
    """Draws the blending masks of restored crops."""

    def masks(self, crops: Sequence[Crop]) -> list[Mask]:
        """Return one mask per restored crop; zero at the crop's rim."""
        ...


class Upscaler(Protocol):
    """Enlarges whole pictures, as background of the faces."""

    name: str

    def enlarge(self, image: Pixels, scale: int, on_tile: Callable[[int, int], None] | None = None) -> Pixels:
        """Return the picture `scale` times as large, of the same dtype; `on_tile` gets tiles done and total.

        Raises OutOfMemory when not even the smallest tile fits.
        """
        ...
