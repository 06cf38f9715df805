"""One photo through all rooms of the core: find, crop, restore, paste."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.errors import CannotAlign
from facewatch.faces import colour
from facewatch.faces.forms import (
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
from facewatch.faces.geometry import crop_upright, paste
from facewatch.faces.photo import Photo
from facewatch.faces.resizing import resize
from facewatch.faces.rotation import find_rotated
from facewatch.faces.selection import Limits, select

Progress = Callable[[int, int, str], None]
"""Hears how much is done, of how much, and what is counted: "faces" or "tiles"."""


UNCHANGED = "the model found nothing to change"
ALL_ORIGINAL = "weight 1 keeps the original"


def _unheard(done: int, total: int, what: str) -> None:
    """Nobody asked."""


@dataclass(frozen=True)
class Wishes:
    """What is asked for one photo."""

    weight: float = 0.0  # 0 = all restoration, 1 = closest to the original
    upscale: int = 1  # 1-4
    face_upsample: bool = False  # the upscaler on the restored crops as well
    aligned: bool = False  # the photo is one upright face already: no detection
    try_rotations: bool = False
    color_fix: bool = True
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, eq=False)
class Restored:
    """A restored photo and the fate of every face in it."""

    photo: Photo
    faces: tuple[FaceReport, ...]
    crops: tuple[tuple[Crop, Crop], ...]  # each restored face: before, after

    @property
    def restored_count(self) -> int:
        """How many faces were restored."""
        return sum(face.fate == "restored" for face in self.faces)


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

    def restore(self, photo: Photo, wishes: Wishes, progress: Progress = _unheard) -> Restored:
        """Restore every face of a photo that is worth it.

        Pixels outside the pasted faces stay as they are at upscale 1; nothing of `photo` is changed in place.
        A photo without faces comes back with an empty report, enlarged all the same if that was wished.

        Raises NetworkFailed or OutOfMemory; the photo is then not restored at all.
        """
        image = eight_bits(photo.pixels)
        if wishes.aligned:
            return self._restore_aligned(photo, image, wishes)
        cuts, reports = self._cut_out(image, wishes)
        made = self._restore_crops([cut.crop for cut in cuts], image, wishes, progress)
        restored = [(cut, crop) for cut, crop in zip(cuts, made, strict=True) if crop is not None]
        reports += [
            _report(cut.face, *(("kept", _why(wishes)) if crop is None else ("restored", "")))
            for cut, crop in zip(cuts, made, strict=True)
        ]
        if not restored and wishes.upscale == 1 and self._upscaler is None:
            return Restored(photo, tuple(reports), ())
        masks = self._masker.masks([crop for _, crop in restored])
        # It may be large: only now, when the networks' own work is over.
        picture = self._enlarge(photo.pixels, wishes.upscale, progress)
        for (cut, crop), mask in zip(restored, masks, strict=True):
            paste(picture, self._upsample(crop, wishes), cut.affine, mask, scale=wishes.upscale)
        whole = replace(photo, pixels=picture, alpha=_enlarged_alpha(photo, wishes.upscale))
        return Restored(whole, tuple(reports), tuple((cut.crop, crop) for cut, crop in restored))

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

    def _restore_crops(
        self,
        crops: Sequence[Crop],
        image: npt.NDArray[np.uint8],
        wishes: Wishes,
        progress: Progress,
    ) -> list[Crop | None]:
        """The restored crops in their right colours; None where the network gave back what it was given."""
        restored: list[Crop] = []
        while len(restored) < len(crops):
            progress(len(restored), len(crops), "faces")
            batch = crops[len(restored) : len(restored) + self._network.batch]
            restored += self._network.restore(batch, wishes.weight)
        tint = colour.tint(image) if wishes.color_fix and crops else None
        return [
            None if np.array_equal(new, old) else _right_colour(new, old, tint, wishes)
            for new, old in zip(restored, crops, strict=True)
        ]

    def _restore_aligned(self, photo: Photo, image: npt.NDArray[np.uint8], wishes: Wishes) -> Restored:
        crop = _fit(image, (CROP_SIZE, CROP_SIZE))
        (restored,) = self._restore_crops([crop], image, wishes, _unheard)
        height, width = photo.pixels.shape[:2]
        box = (0.0, 0.0, float(width), float(height))
        if restored is None:
            kept = (FaceReport(box, 1.0, "kept", _why(wishes)),)
            if wishes.upscale == 1 and self._upscaler is None:
                return Restored(photo, kept, ())
            pixels = self._enlarge(photo.pixels, wishes.upscale, _unheard)
            alpha = _enlarged_alpha(photo, wishes.upscale)
            return Restored(replace(photo, pixels=pixels, alpha=alpha), kept, ())
        side = (width * wishes.upscale, height * wishes.upscale)
        pixels = _as_deep_as(photo.pixels, _fit(self._upsample(restored, wishes), side))
        face = FaceReport(box, 1.0, "restored", "")
        whole = replace(photo, pixels=pixels, alpha=_enlarged_alpha(photo, wishes.upscale))
        return Restored(whole, (face,), ((crop, restored),))

    def _enlarge(self, pixels: Pixels, scale: int, progress: Progress) -> Pixels:
        if self._upscaler is not None:
            return self._upscaler.enlarge(pixels, scale, lambda done, total: progress(done, total, "tiles"))
        return resize(pixels, scale) if scale > 1 else pixels.copy()

    def _upsample(self, crop: Crop, wishes: Wishes) -> npt.NDArray[np.uint8]:
        if not wishes.face_upsample or self._upscaler is None:
            return crop
        return self._upscaler.enlarge(crop, 2).astype(np.uint8, copy=False)


def _why(wishes: Wishes) -> str:
    return ALL_ORIGINAL if wishes.weight == 1 else UNCHANGED


def _report(face: Face, fate: Literal["restored", "kept"], reason: str) -> FaceReport:
    return FaceReport(face.box, face.score, fate, reason)


def eight_bits(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """A picture at the depth the networks work with."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=1 / 257), np.uint8)  # to the nearest


def _as_deep_as(original: Pixels, picture: npt.NDArray[np.uint8]) -> Pixels:
    if original.dtype == np.uint8:
        return picture
    return np.multiply(picture, 257, dtype=np.uint16)


def _fit(picture: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Resize to (width, height)."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    way = cv2.INTER_AREA if size[0] < width else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(picture, size, interpolation=way), dtype=np.uint8)


def _enlarged_alpha(photo: Photo, scale: int) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | None:
    if photo.alpha is None or scale == 1:
        return photo.alpha
    return resize(photo.alpha, scale)


def _right_colour(new: Crop, old: Crop, tint: colour.Tint | None, wishes: Wishes) -> Crop:
    if not wishes.color_fix:
        return new
    fixed = colour.keep_colour(new, old)
    return colour.keep_tint(fixed, tint) if tint is not None else fixed
