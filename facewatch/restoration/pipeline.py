"""Restoration of one photo: find faces, crop, restore, blend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from facewatch.errors import CannotAlign
from facewatch.restoration.alignment import crop_upright
from facewatch.restoration.blending import InferredFace, InferredPhoto, Placement, RestoredPhoto, blend
from facewatch.restoration.codecs.photo import Photo
from facewatch.restoration.detection.nms import intersection_over_union
from facewatch.restoration.detection.rotation import find_rotated
from facewatch.restoration.detection.selection import select
from facewatch.restoration.options import FaceChoice, RestorationOptions
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
"""Receives how much is done, of how much, and the unit: "faces" or "tiles"."""


UNCHANGED = "the model found nothing to change"
ALL_ORIGINAL = "weight 1 keeps the original"
CHOSEN = "you chose the original"
SAME_FACE_OVERLAP = 0.5  # of the boxes of a chosen face and a detected one


def _ignore_progress(done: int, total: int, unit: str) -> None:
    """Do nothing."""


class _CroppedFace(NamedTuple):
    face: Face
    crop: Crop
    affine: Affine
    weight: float


class Pipeline:
    """The detector and the networks that restore photos."""

    def __init__(
        self, detector: Detector, network: FaceNetwork, masker: Masker, upscaler: Upscaler | None = None
    ) -> None:
        self._detector = detector
        self._network = network
        self._masker = masker
        self._upscaler = upscaler

    def restore(
        self,
        photo: Photo,
        options: RestorationOptions,
        weight: float = 0.0,
        progress: Progress = _ignore_progress,
    ) -> RestoredPhoto:
        """Restore every face of a photo that `options` do not leave out.

        weight  0 = all restoration, 1 = closest to the original

        A photo without faces comes back with an empty report, enlarged if `options` ask for it.

        Raises NetworkFailed or OutOfMemory; then nothing of the photo is restored.
        """
        return blend(photo, options, self.infer(photo, options, weight, progress))

    def infer(
        self,
        photo: Photo,
        options: RestorationOptions,
        weight: float = 0.0,
        progress: Progress = _ignore_progress,
        choices: Sequence[FaceChoice] = (),
    ) -> InferredPhoto:
        """Run the networks on a photo; `blend` does the rest and may run on another thread.

        choices  the user's own, for faces of this photo; not for an aligned one

        Raises as `restore`.
        """
        image = eight_bits(photo.pixels)
        if options.aligned:
            return self._infer_aligned(photo, image, options, weight)
        cropped, reports = self._crop_faces(image, options, weight, choices)
        outputs = self._restore_crops(
            [face.crop for face in cropped], [face.weight for face in cropped], progress
        )
        restored = [(face, crop) for face, crop in zip(cropped, outputs, strict=True) if crop is not None]
        reports += [
            _report(face.face, *_fate(crop, face.weight)) for face, crop in zip(cropped, outputs, strict=True)
        ]
        masks = self._masker.masks([crop for _, crop in restored])
        return InferredPhoto(
            tuple(reports),
            tuple(self._inferred(face.crop, crop, options) for face, crop in restored),
            tuple(Placement(face.affine, mask) for (face, _), mask in zip(restored, masks, strict=True)),
            self._background(photo, options, progress),
        )

    def _crop_faces(
        self,
        image: npt.NDArray[np.uint8],
        options: RestorationOptions,
        weight: float,
        choices: Sequence[FaceChoice],
    ) -> tuple[list[_CroppedFace], list[FaceReport]]:
        """Return the faces to restore, and reports on those that are kept as they are."""
        faces = find_rotated(self._detector, image) if options.try_rotations else self._detector.find(image)
        cropped: list[_CroppedFace] = []
        kept: list[FaceReport] = []
        chosen = _matched(faces, choices)
        for number, (face, reason) in enumerate(select(faces, image, options)):
            choice = chosen.get(number)
            if choice is not None and choice.weight is None:
                kept.append(_report(face, "kept", reason or CHOSEN))
                continue
            if reason and choice is None:
                kept.append(_report(face, "kept", reason))
                continue
            wanted = weight if choice is None or choice.weight is None else choice.weight
            try:
                cropped.append(_CroppedFace(face, *crop_upright(image, face.landmarks), wanted))
            except CannotAlign as error:
                kept.append(_report(face, "kept", str(error)))
        return cropped, kept

    def _restore_crops(
        self, crops: Sequence[Crop], weights: Sequence[float], progress: Progress
    ) -> list[Crop | None]:
        """Return the restored crops, each with its weight; None where the network returned its input."""
        outputs: dict[int, Crop] = {}
        for weight in dict.fromkeys(weights):
            left = [number for number, own in enumerate(weights) if own == weight]
            while left:
                progress(len(outputs), len(crops), "faces")
                batch, left = left[: self._network.batch], left[self._network.batch :]
                restored = self._network.restore([crops[number] for number in batch], weight)
                outputs.update(zip(batch, restored, strict=True))
        return [
            None if np.array_equal(outputs[number], old) else outputs[number]
            for number, old in enumerate(crops)
        ]

    def _inferred(self, before: Crop, after: Crop, options: RestorationOptions) -> InferredFace:
        if not options.face_upsample or self._upscaler is None:
            return InferredFace(before, after, after)
        return InferredFace(before, after, self._upscaler.enlarge(after, 2).astype(np.uint8, copy=False))

    def _infer_aligned(
        self, photo: Photo, image: npt.NDArray[np.uint8], options: RestorationOptions, weight: float
    ) -> InferredPhoto:
        before = fit(image, (CROP_SIZE, CROP_SIZE))
        (after,) = self._restore_crops([before], [weight], _ignore_progress)
        height, width = photo.pixels.shape[:2]
        report = FaceReport((0.0, 0.0, float(width), float(height)), 1.0, *_fate(after, weight))
        if after is None:
            background = self._background(photo, options, _ignore_progress)
            return InferredPhoto((report,), background=background)
        return InferredPhoto((report,), (self._inferred(before, after, options),))

    def _background(self, photo: Photo, options: RestorationOptions, progress: Progress) -> Pixels | None:
        if self._upscaler is None:
            return None
        pixels = bleed_edges(photo.pixels, photo.alpha)
        return self._upscaler.enlarge(
            pixels, options.upscale, lambda done, total: progress(done, total, "tiles")
        )


def _fate(after: Crop | None, weight: float) -> tuple[Literal["restored", "kept"], str]:
    if after is not None:
        return "restored", ""
    return "kept", ALL_ORIGINAL if weight == 1 else UNCHANGED


def _matched(faces: Sequence[Face], choices: Sequence[FaceChoice]) -> dict[int, FaceChoice]:
    """Return each choice under the number of the face that its box overlaps most, if it is the same face."""
    boxes = np.array([face.box for face in faces], np.float64).reshape(-1, 4)
    found = {}
    for choice in choices if len(boxes) else ():
        overlaps = intersection_over_union(np.array(choice.box, np.float64), boxes)
        if overlaps.max() >= SAME_FACE_OVERLAP:
            found[int(overlaps.argmax())] = choice
    return found


def _report(face: Face, fate: Literal["restored", "kept"], reason: str) -> FaceReport:
    return FaceReport(face.box, face.score, fate, reason)
