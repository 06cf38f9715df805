"""Restoration of one photo: find faces, crop, restore, blend."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from facewatch.errors import BadPhoto, CannotAlign
from facewatch.restoration import face_reports
from facewatch.restoration.alignment import aligned_eye_px, crop_upright
from facewatch.restoration.blending import InferredFace, InferredPhoto, RestoredPhoto, blend
from facewatch.restoration.codecs.photo import Photo
from facewatch.restoration.cropping import CroppedFace, cut_out, enlarged, network_crops
from facewatch.restoration.detection.rotation import find_rotated
from facewatch.restoration.detection.selection import select
from facewatch.restoration.face_networks import FaceNetworks, NetworkUse, Progress, ignore_progress
from facewatch.restoration.face_preview import FacePreview, judge_weights
from facewatch.restoration.identity.gate import CheckedFace, Gate, Pair
from facewatch.restoration.options import FaceChoice, RestorationOptions
from facewatch.restoration.resize import bleed_edges, eight_bits, fit
from facewatch.restoration.types import (
    CROP_SIZE,
    Crop,
    Detector,
    Face,
    FaceNetwork,
    FaceReport,
    Mask,
    Masker,
    Pixels,
    Upscaler,
)


class Pipeline:
    """The detector and the networks that restore photos."""

    def __init__(
        self,
        detector: Detector,
        network: FaceNetwork,
        masker: Masker,
        upscaler: Upscaler | None = None,
        gate: Gate | None = None,
        *,
        others: Mapping[str, FaceNetwork] | None = None,
        guarded: Collection[str] = (),
        check_first: bool = False,
    ) -> None:
        """Store the parts; without a `gate`, `check` compares nothing.

        others       networks by name that single faces may get in place of `network`
        guarded      names of networks that make up people: their faces are compared whatever the options
        check_first  `infer` compares the faces, so that only those that are pasted get a mask
        """
        self._check_first = check_first
        self._gate = gate
        self._detector = detector
        self._networks = FaceNetworks(network, others or {}, guarded)
        self._masker = masker
        self._upscaler = upscaler

    def restore(
        self,
        photo: Photo,
        options: RestorationOptions,
        weight: float = 0.0,
        progress: Progress = ignore_progress,
    ) -> RestoredPhoto:
        """Restore every face of a photo that `options` do not leave out.

        weight  0 = all restoration, 1 = closest to the original

        A photo without faces comes back with an empty report, enlarged if `options` ask for it.

        Raises NetworkFailed or OutOfMemory; then nothing of the photo is restored.
        """
        inferred = self.infer(photo, options, weight, progress)
        inferred = self.complete(photo, inferred, options, progress)
        return blend(photo, options, self.check(photo, inferred, options, weight, progress))

    def infer(
        self,
        photo: Photo,
        options: RestorationOptions,
        weight: float = 0.0,
        progress: Progress = ignore_progress,
        choices: Sequence[FaceChoice] = (),
    ) -> InferredPhoto:
        """Restore the faces; then comes `complete`, and `check` and `blend` may run on another thread.

        choices  the user's own, for faces of this photo; not for an aligned one

        Raises as `restore`.
        """
        image = eight_bits(photo.pixels)
        if options.aligned:
            return self._infer_aligned(image, options, weight)
        cropped, reports = self._crop_faces(image, options, weight, choices)
        crops = network_crops(image, cropped)
        outputs = self._networks.restore(crops, [face.network for face in cropped], progress, crops.keep)
        restored = [(face, crop) for face, crop in zip(cropped, outputs, strict=True) if crop is not None]
        reports += face_reports.restored_reports(cropped, outputs, self._networks)
        faces = tuple(
            face.restored(
                crop,
                self._shown(crop, face.side, options),
                guarded=self._networks.makes_up_people(face.network.model),
            )
            for face, crop in restored
        )
        inferred = InferredPhoto(tuple(reports), faces)
        return self.check(photo, inferred, options, weight, progress) if self._check_first else inferred

    def complete(
        self,
        photo: Photo,
        inferred: InferredPhoto,
        options: RestorationOptions,
        progress: Progress = ignore_progress,
    ) -> InferredPhoto:
        """Run the networks that follow: masks for the faces, and the enlarged background.

        Raises as `restore`.
        """
        if options.aligned and (inferred.faces or inferred.background is not None):  # it is whole
            return inferred
        masks = self._masks([face.after for face in inferred.faces])
        return replace(inferred, masks=masks, background=self._background(photo, options, progress))

    def preview(
        self,
        photo: Photo,
        options: RestorationOptions,
        box: tuple[float, float, float, float],
        weights: Sequence[float],
        progress: Progress = ignore_progress,
    ) -> FacePreview:
        """Return one face, upright: as it is, then restored with each weight; and the gate's verdicts.

        box  of the face, as in its report; x0, y0, x1, y1, pixels of the upright photo

        A face of a network that makes up people is shown only where the gate lets it through.

        Raises BadPhoto if no face is found there, CannotAlign, or as `restore`.
        """
        before, eye_px, others = self._crop_one(eight_bits(photo.pixels), options, box)
        drawn = self._networks.draw(before, weights, progress)
        guarded = self._networks.makes_up_people(None)
        judged = judge_weights(
            self._gate, options, before, drawn, eye_px=eye_px, others=others, guarded=guarded
        )
        return FacePreview.of(before, drawn, judged, color_fix=options.color_fix)

    def _crop_one(
        self,
        image: npt.NDArray[np.uint8],
        options: RestorationOptions,
        box: tuple[float, float, float, float],
    ) -> tuple[Crop, float, list[Crop]]:
        """Return a face, the distance of its eyes, and the other faces that are restored with it."""
        side = self._networks.crop_size(None)
        if options.aligned:
            return fit(image, (side, side)), aligned_eye_px(image.shape[1]), []
        faces = self._find(image, options)
        number = next(iter(face_reports.match_choices(faces, [FaceChoice(box, None)])), None)
        if number is None:
            raise BadPhoto("this face is not found with these settings; choose another detector")
        face = faces[number]
        cropped, _ = self._crop_faces(image, options, 0.0, ())
        others = [it.crop for it in cropped if not np.array_equal(it.face.box, face.box)]
        return crop_upright(image, face.landmarks, side)[0], face.eye_distance, others

    def check(
        self,
        photo: Photo,
        inferred: InferredPhoto,
        options: RestorationOptions,
        weight: float,
        progress: Progress = ignore_progress,
        *,
        networks: AbstractContextManager[object] | None = None,
    ) -> InferredPhoto:
        """Compare each restored face with its original, and act as `options.identity` says.

        networks  entered while a face is restored again; `infer` must not run on another thread then

        Raises as `restore`: a face that became another person's may be restored again.
        """
        wanted = options.identity != "off" or any(face.guarded for face in inferred.faces)
        if self._gate is None or inferred.checked or not wanted or not inferred.faces:
            return inferred
        networks = networks or nullcontext()
        whole = self._networks.crop_size(None)

        def redo(crops: Sequence[Crop], higher: float) -> list[Crop]:
            full = enlarged(crops, whole)  # large crops were kept smaller
            uses = [NetworkUse(None, higher)] * len(crops)
            with networks:
                outputs = self._networks.restore(full, uses, progress, full.keep)
            return [crop if new is None else new for new, crop in zip(outputs, crops, strict=True)]

        pairs = [
            Pair(face.before, face.after, face.eye_px, face.chosen, face.guarded) for face in inferred.faces
        ]
        outcomes = self._gate.check(pairs, options, weight, redo)
        if all(outcome.after is face.after for outcome, face in zip(outcomes, inferred.faces, strict=True)):
            return replace(
                inferred, reports=face_reports.checked_reports(inferred.reports, outcomes), checked=True
            )
        with networks:
            checked = self._replaced(inferred, outcomes, options)
            if options.aligned and not checked.faces:  # the photo itself has to be enlarged now
                return replace(checked, background=self._background(photo, options, progress))
        return checked

    def _replaced(
        self, inferred: InferredPhoto, checked: Sequence[CheckedFace], options: RestorationOptions
    ) -> InferredPhoto:
        """Return the photo with the faces that the gate lets through."""
        faces: list[InferredFace] = []
        masks: list[Mask] = []
        side = self._networks.crop_size(None)
        for index, (face, outcome) in enumerate(zip(inferred.faces, checked, strict=True)):
            if outcome.after is None:
                continue
            again = outcome.after is not face.after
            shown = self._shown(outcome.after, side, options) if again else face.shown
            faces.append(replace(face, after=outcome.after, shown=shown))
            if inferred.masks:
                masks += self._masks([outcome.after]) if again else [inferred.masks[index]]
        reports = face_reports.checked_reports(inferred.reports, checked)
        return replace(inferred, reports=reports, faces=tuple(faces), masks=tuple(masks), checked=True)

    def _find(self, image: npt.NDArray[np.uint8], options: RestorationOptions) -> list[Face]:
        return find_rotated(self._detector, image) if options.try_rotations else self._detector.find(image)

    def _crop_faces(
        self,
        image: npt.NDArray[np.uint8],
        options: RestorationOptions,
        weight: float,
        choices: Sequence[FaceChoice],
    ) -> tuple[list[CroppedFace], list[FaceReport]]:
        """Return the faces to restore, and reports on those that are kept as they are."""
        faces = self._find(image, options)
        cropped: list[CroppedFace] = []
        kept: list[FaceReport] = []
        chosen = face_reports.match_choices(faces, choices)
        for number, (face, reason) in enumerate(select(faces, image, options)):
            choice = chosen.get(number)
            if choice.weight is None if choice is not None else reason:
                kept.append(face_reports.report_of(face, "kept", reason or face_reports.CHOSEN))
                continue
            wanted = weight if choice is None or choice.weight is None else choice.weight
            try:
                side = self._networks.crop_size(choice.model if choice else None)
                cut = cut_out(image, face, side, options, among=len(faces), weight=wanted, choice=choice)
                cropped.append(cut)
            except CannotAlign as error:
                kept.append(face_reports.report_of(face, "kept", str(error)))
        return cropped, kept

    def _masks(self, crops: Sequence[Crop]) -> tuple[Mask, ...]:
        return tuple(self._masker.masks([fit(crop, (CROP_SIZE, CROP_SIZE)) for crop in crops]))

    def _shown(self, after: Crop, side: int, options: RestorationOptions) -> Crop:
        """Return a restored crop, of a network for `side` pixels, enlarged if `options` ask for it."""
        if options.face_upsample and self._upscaler is not None and side <= CROP_SIZE:
            return self._upscaler.enlarge(after, 2).astype(np.uint8, copy=False)
        return after

    def _infer_aligned(
        self, image: npt.NDArray[np.uint8], options: RestorationOptions, weight: float
    ) -> InferredPhoto:
        side = self._networks.crop_size(None)
        before = fit(image, (side, side))
        (after,) = self._networks.restore([before], [NetworkUse(None, weight)], ignore_progress)
        height, width = image.shape[:2]
        guarded = self._networks.makes_up_people(None)
        fate, reason = face_reports.fate_of(after, weight, made_up=guarded)
        box = (0.0, 0.0, float(width), float(height))
        report = FaceReport(box, 1.0, fate, reason, weight=None if after is None else weight)
        if after is None:
            return InferredPhoto((report,))
        shown = self._shown(after, side, options)
        face = InferredFace(before, after, shown, aligned_eye_px(width), guarded=guarded)
        return InferredPhoto((report,), (face,))

    def _background(self, photo: Photo, options: RestorationOptions, progress: Progress) -> Pixels | None:
        if self._upscaler is None:
            return None
        pixels = bleed_edges(photo.pixels, photo.alpha)
        return self._upscaler.enlarge(
            pixels, options.upscale, lambda done, total: progress(done, total, "tiles")
        )
