"""One photo through all rooms of the core: find, crop, restore, compose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from facewatch.errors import CannotAlign
from facewatch.restoration.alignment import crop_upright
from facewatch.restoration.blending import InferredFace, InferredPhoto, Placement, RestoredPhoto, blend
from facewatch.restoration.codecs.photo import Photo
from facewatch.restoration.detection.rotation import find_rotated
from facewatch.restoration.detection.selection import select
from facewatch.restoration.options import Wishes
from facewatch.restoration.resize import bleed_edges, eight_bits, fit
from facewatch.restoration.types import (
    CROP_SIZE,
    Affine,
    Crop,
    Detector,
    Face,
    FaceNetwork,
    FaceReport,
    Masker,
    Pixels,
    Upscaler,
)

Progress = Callable[[int, int, str], None]
"""Hears how much is done, of how much, and what is counted: "faces" or "tiles"."""


UNCHANGED = "the model found nothing to change"
ALL_ORIGINAL = "weight 1 keeps the original"


def _unheard(done: int, total: int, what: str) -> None:
    """Nobody asked."""


class _Cut(NamedTuple):
    face: Face
    crop: Crop
    affine: Affine


class Pipeline:
    """The parts that restore photos, put together once."""

    def __init__(
        self, detector: Detector, network: FaceNetwork, masker: Masker, upscaler: Upscaler | None = None
    ) -> None:
        self._detector = detector
        self._network = network
        self._masker = masker
        self._upscaler = upscaler

    def restore(self, photo: Photo, wishes: Wishes, progress: Progress = _unheard) -> RestoredPhoto:
        """Restore every face of a photo that is worth it.

        A photo without faces comes back with an empty report, enlarged all the same if that was wished.

        Raises NetworkFailed or OutOfMemory; the photo is then not restored at all.
        """
        return blend(photo, wishes, self.infer(photo, wishes, progress))

    def infer(self, photo: Photo, wishes: Wishes, progress: Progress = _unheard) -> InferredPhoto:
        """All that the networks do for a photo; the rest is `compose`, which another thread may do meanwhile.

        Raises as `restore`.
        """
        image = eight_bits(photo.pixels)
        if wishes.aligned:
            return self._draw_aligned(photo, image, wishes)
        cuts, reports = self._cut_out(image, wishes)
        made = self._draw_crops([cut.crop for cut in cuts], wishes, progress)
        drawn = [(cut, crop) for cut, crop in zip(cuts, made, strict=True) if crop is not None]
        reports += [_report(cut.face, *_fate(crop, wishes)) for cut, crop in zip(cuts, made, strict=True)]
        masks = self._masker.masks([crop for _, crop in drawn])
        return InferredPhoto(
            tuple(reports),
            tuple(self._drawn(cut.crop, crop, wishes) for cut, crop in drawn),
            tuple(Placement(cut.affine, mask) for (cut, _), mask in zip(drawn, masks, strict=True)),
            self._background(photo, wishes, progress),
        )

    def _cut_out(self, image: npt.NDArray[np.uint8], wishes: Wishes) -> tuple[list[_Cut], list[FaceReport]]:
        faces = find_rotated(self._detector, image) if wishes.try_rotations else self._detector.find(image)
        cuts: list[_Cut] = []
        kept: list[FaceReport] = []
        for face, reason in select(faces, image, wishes.limits):
            if reason:
                kept.append(_report(face, "kept", reason))
                continue
            try:
                cuts.append(_Cut(face, *crop_upright(image, face.landmarks)))
            except CannotAlign as error:
                kept.append(_report(face, "kept", str(error)))
        return cuts, kept

    def _draw_crops(self, crops: Sequence[Crop], wishes: Wishes, progress: Progress) -> list[Crop | None]:
        """The restored crops; None where the network gave back what it was given."""
        made: list[Crop] = []
        while len(made) < len(crops):
            progress(len(made), len(crops), "faces")
            batch = crops[len(made) : len(made) + self._network.batch]
            made += self._network.restore(batch, wishes.weight)
        return [None if np.array_equal(new, old) else new for new, old in zip(made, crops, strict=True)]

    def _drawn(self, before: Crop, after: Crop, wishes: Wishes) -> InferredFace:
        if not wishes.face_upsample or self._upscaler is None:
            return InferredFace(before, after, after)
        return InferredFace(before, after, self._upscaler.enlarge(after, 2).astype(np.uint8, copy=False))

    def _draw_aligned(self, photo: Photo, image: npt.NDArray[np.uint8], wishes: Wishes) -> InferredPhoto:
        before = fit(image, (CROP_SIZE, CROP_SIZE))
        (after,) = self._draw_crops([before], wishes, _unheard)
        height, width = photo.pixels.shape[:2]
        report = FaceReport((0.0, 0.0, float(width), float(height)), 1.0, *_fate(after, wishes))
        if after is None:
            return InferredPhoto((report,), background=self._background(photo, wishes, _unheard))
        return InferredPhoto((report,), (self._drawn(before, after, wishes),))

    def _background(self, photo: Photo, wishes: Wishes, progress: Progress) -> Pixels | None:
        if self._upscaler is None:
            return None
        pixels = bleed_edges(photo.pixels, photo.alpha)
        return self._upscaler.enlarge(
            pixels, wishes.upscale, lambda done, total: progress(done, total, "tiles")
        )


def _fate(after: Crop | None, wishes: Wishes) -> tuple[Literal["restored", "kept"], str]:
    if after is not None:
        return "restored", ""
    return "kept", ALL_ORIGINAL if wishes.weight == 1 else UNCHANGED


def _report(face: Face, fate: Literal["restored", "kept"], reason: str) -> FaceReport:
    return FaceReport(face.box, face.score, fate, reason)
