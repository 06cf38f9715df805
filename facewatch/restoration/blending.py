"""Blending of restored faces into the photo: colours, plain enlargement, paste; no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from facewatch.restoration import color
from facewatch.restoration.alignment import paste
from facewatch.restoration.codecs.photo import Photo
from facewatch.restoration.options import RestorationOptions
from facewatch.restoration.resize import as_deep_as, bleed_edges, eight_bits, fit, resize
from facewatch.restoration.types import Affine, Crop, FaceReport, Mask, Pixels


@dataclass(frozen=True, eq=False)
class InferredFace:
    """One face as a network restored it, in the network's own colours."""

    before: Crop
    after: Crop
    shown: npt.NDArray[np.uint8]  # what is pasted: `after`, or that enlarged by the upscaler
    eye_px: float = 0.0  # distance of the eyes in the photo, pixels; how much of the face there was to see
    chosen: float | None = None  # the weight that the user chose for this face
    guarded: bool = False  # its network makes up people: compared whatever the setting
    affine: Affine | None = None  # photo -> 512 px crop; None: the photo is the face


@dataclass(frozen=True, eq=False)
class InferredPhoto:
    """Output of the networks for one photo."""

    reports: tuple[FaceReport, ...]
    faces: tuple[InferredFace, ...] = ()  # those that were restored
    masks: tuple[Mask, ...] = ()  # one for each face that is pasted
    background: Pixels | None = None  # the whole photo at its new size, if an upscaler made it
    checked: bool = False  # the faces have been compared with the originals


@dataclass(frozen=True, eq=False)
class RestoredPhoto:
    """A restored photo and a report on every face in it."""

    photo: Photo
    faces: tuple[FaceReport, ...]
    crops: tuple[tuple[Crop, Crop], ...]  # each restored face: before, after

    @property
    def restored_count(self) -> int:
        """Number of restored faces."""
        return sum(face.fate == "restored" for face in self.faces)


def blend(
    photo: Photo, options: RestorationOptions, inferred: InferredPhoto, *, in_place: bool = False
) -> RestoredPhoto:
    """Return the restored photo; `photo` itself if there is nothing to change.

    in_place    at upscale 1, paste into the pixels of `photo` if they can be written: it is not needed later

    Pixels outside the pasted faces stay as they are at upscale 1.
    """
    if not inferred.faces and inferred.background is None and options.upscale == 1:
        return RestoredPhoto(photo, inferred.reports, ())
    tint = color.tint(eight_bits(photo.pixels)) if options.color_fix and inferred.faces else None
    colored = [_with_original_color(face, tint, options) for face in inferred.faces]
    shown = [face for _, face in colored]
    pixels = _pixels(photo, options.upscale, inferred, shown, in_place=in_place)
    alpha = (
        photo.alpha if photo.alpha is None or options.upscale == 1 else resize(photo.alpha, options.upscale)
    )
    crops = [(face.before, after) for face, (after, _) in zip(inferred.faces, colored, strict=True)]
    return RestoredPhoto(replace(photo, pixels=pixels, alpha=alpha), inferred.reports, tuple(crops))


def _pixels(
    photo: Photo,
    scale: int,
    inferred: InferredPhoto,
    shown: Sequence[npt.NDArray[np.uint8]],
    *,
    in_place: bool,
) -> Pixels:
    if any(face.affine is None for face in inferred.faces):
        height, width = photo.pixels.shape[:2]
        return as_deep_as(photo.pixels, fit(shown[0], (width * scale, height * scale)))
    if inferred.background is not None:
        picture = inferred.background
    elif in_place and scale == 1 and photo.pixels.flags.carray:
        picture = photo.pixels
    else:
        picture = resize(bleed_edges(photo.pixels, photo.alpha) if scale > 1 else photo.pixels, scale)
    for face, crop, mask in zip(inferred.faces, shown, inferred.masks, strict=True):
        assert face.affine is not None
        paste(picture, crop, face.affine, mask, scale=scale)
    return picture


def _with_original_color(
    face: InferredFace, tint: color.Tint | None, options: RestorationOptions
) -> tuple[Crop, npt.NDArray[np.uint8]]:
    """Return the restored crop and its pasted version, in the colours of the original."""
    if not options.color_fix:
        return face.after, face.shown
    after = _recolor(face.after, face.before, tint)
    return after, after if face.shown is face.after else _recolor(face.shown, face.before, tint)


def _recolor(new: npt.NDArray[np.uint8], old: Crop, tint: color.Tint | None) -> npt.NDArray[np.uint8]:
    fixed = color.match_color(new, old)
    return color.match_tint(fixed, tint) if tint is not None and color.fits(tint, old) else fixed
