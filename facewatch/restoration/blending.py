"""What is left to do when the networks are done: colours, plain enlargement, paste."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facewatch.restoration import color
from facewatch.restoration.alignment import paste
from facewatch.restoration.codecs.photo import Photo
from facewatch.restoration.options import Wishes
from facewatch.restoration.resize import as_deep_as, bleed_edges, eight_bits, fit, resize
from facewatch.restoration.types import Affine, Crop, FaceReport, Mask, Pixels


@dataclass(frozen=True, eq=False)
class InferredFace:
    """One face as a network drew it, in the network's own colours."""

    before: Crop
    after: Crop
    shown: npt.NDArray[np.uint8]  # what is pasted: `after`, or that enlarged by the upscaler


class Placement(NamedTuple):
    """Where a face is pasted."""

    affine: Affine
    mask: Mask


@dataclass(frozen=True, eq=False)
class InferredPhoto:
    """What the networks made of one photo."""

    reports: tuple[FaceReport, ...]
    faces: tuple[InferredFace, ...] = ()  # those that were restored
    places: tuple[Placement, ...] = ()  # one for each of them; none: the photo is the face
    background: Pixels | None = None  # the whole photo at its new size, if an upscaler drew it


@dataclass(frozen=True, eq=False)
class RestoredPhoto:
    """A restored photo and the fate of every face in it."""

    photo: Photo
    faces: tuple[FaceReport, ...]
    crops: tuple[tuple[Crop, Crop], ...]  # each restored face: before, after

    @property
    def restored_count(self) -> int:
        """How many faces were restored."""
        return sum(face.fate == "restored" for face in self.faces)


def blend(photo: Photo, wishes: Wishes, drawn: InferredPhoto) -> RestoredPhoto:
    """The restored photo; `photo` itself where there is nothing to change in it.

    Pixels outside the pasted faces stay as they are at upscale 1; nothing of `photo` is changed in place.
    """
    if not drawn.faces and drawn.background is None and wishes.upscale == 1:
        return RestoredPhoto(photo, drawn.reports, ())
    tint = color.tint(eight_bits(photo.pixels)) if wishes.color_fix and drawn.faces else None
    coloured = [_coloured(face, tint, wishes) for face in drawn.faces]
    pixels = _pixels(photo, wishes.upscale, drawn, [shown for _, shown in coloured])
    alpha = photo.alpha if photo.alpha is None or wishes.upscale == 1 else resize(photo.alpha, wishes.upscale)
    crops = [(face.before, after) for face, (after, _) in zip(drawn.faces, coloured, strict=True)]
    return RestoredPhoto(replace(photo, pixels=pixels, alpha=alpha), drawn.reports, tuple(crops))


def _pixels(photo: Photo, scale: int, drawn: InferredPhoto, shown: Sequence[npt.NDArray[np.uint8]]) -> Pixels:
    if drawn.faces and not drawn.places:
        height, width = photo.pixels.shape[:2]
        return as_deep_as(photo.pixels, fit(shown[0], (width * scale, height * scale)))
    if drawn.background is not None:
        picture = drawn.background
    else:
        picture = resize(bleed_edges(photo.pixels, photo.alpha) if scale > 1 else photo.pixels, scale)
    for face, (affine, mask) in zip(shown, drawn.places, strict=True):
        paste(picture, face, affine, mask, scale=scale)
    return picture


def _coloured(
    face: InferredFace, tint: color.Tint | None, wishes: Wishes
) -> tuple[Crop, npt.NDArray[np.uint8]]:
    """The restored crop and what is pasted of it, in the colours of the original."""
    if not wishes.color_fix:
        return face.after, face.shown
    after = _right_colour(face.after, face.before, tint)
    return after, after if face.shown is face.after else _right_colour(face.shown, face.before, tint)


def _right_colour(new: npt.NDArray[np.uint8], old: Crop, tint: color.Tint | None) -> npt.NDArray[np.uint8]:
    fixed = color.match_color(new, old)
    return color.match_tint(fixed, tint) if tint is not None and color.fits(tint, old) else fixed
