"""The crops of a photo's faces: large ones are made for their network, and kept no larger than is shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

from facewatch.restoration.alignment import crop_upright, scale_of
from facewatch.restoration.blending import InferredFace
from facewatch.restoration.face_networks import NetworkUse
from facewatch.restoration.options import FaceChoice, RestorationOptions
from facewatch.restoration.resize import fit
from facewatch.restoration.types import CROP_SIZE, Affine, Crop, Face

MOST_SAVED_BYTES = 200_000_000  # of a photo's crops above 512 pixels, at the size of the network


class CroppedFace(NamedTuple):
    """A face to restore."""

    face: Face
    crop: Crop  # as it is kept
    affine: Affine
    weight: float
    chosen: FaceChoice | None  # the user's own choice for it
    side: int  # of the crop that its network takes, pixels

    @property
    def network(self) -> NetworkUse:
        """The network that restores it, and its weight."""
        return NetworkUse(self.chosen.model if self.chosen else None, self.weight)

    def restored(self, after: Crop, shown: Crop, *, guarded: bool) -> InferredFace:
        """Return the face with its restored crop; as in InferredFace."""
        chosen = self.weight if self.chosen else None
        return InferredFace(self.crop, after, shown, self.face.eye_distance, chosen, guarded, self.affine)


def cut_out(
    image: npt.NDArray[np.uint8],
    face: Face,
    side: int,
    options: RestorationOptions,
    *,
    among: int = 1,
    weight: float,
    choice: FaceChoice | None,
) -> CroppedFace:
    """Return a face with its crop as it is kept.

    side     of the crop that the network takes; crops above 512 pixels, of 3 or 12 MB, are kept no larger
             than the face is shown, so that those of a photo of many faces take no more than the photo;
             those that the user wants to have are kept as they are, unless they are too many
    among    faces of the photo

    Raises CannotAlign.
    """
    crop, affine = crop_upright(image, face.landmarks, side)
    whole = options.save_crops and among * crop.nbytes <= MOST_SAVED_BYTES
    if side > CROP_SIZE and not whole:
        shown = math.ceil(CROP_SIZE / scale_of(affine)) * options.upscale
        kept = min(side, max(CROP_SIZE, shown))
        crop = fit(crop, (kept, kept))
    return CroppedFace(face, crop, affine, weight, choice, side)


def whole_crop(image: npt.NDArray[np.uint8], face: CroppedFace) -> Crop:
    """Return the crop that the face's network takes."""
    if len(face.crop) == face.side:
        return face.crop
    return crop_upright(image, face.face.landmarks, face.side)[0]


class LazyCrops(Sequence[Crop]):
    """Crops that are made when they are asked for, and whose results are kept at another size."""

    def __init__(self, makers: Sequence[Callable[[], Crop]], kept: Sequence[int]) -> None:
        """
        makers  of each crop
        kept    side of each result, pixels
        """
        self._makers = makers
        self._kept = kept

    def __len__(self) -> int:
        return len(self._makers)

    @overload
    def __getitem__(self, number: int) -> Crop: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Crop]: ...
    def __getitem__(self, number: int | slice) -> Crop | Sequence[Crop]:
        if isinstance(number, slice):
            return LazyCrops(self._makers[number], self._kept[number])
        return self._makers[number]()

    def keep(self, number: int, restored: Crop) -> Crop:
        """Return a restored crop at the size at which it is kept."""
        return fit(restored, (self._kept[number], self._kept[number]))


def network_crops(image: npt.NDArray[np.uint8], faces: Sequence[CroppedFace]) -> LazyCrops:
    """Return the crops of a photo's faces as their networks take them."""
    return LazyCrops([partial(whole_crop, image, face) for face in faces], [len(face.crop) for face in faces])


def enlarged(crops: Sequence[Crop], side: int) -> LazyCrops:
    """Return kept crops at the size that a network takes, pixels."""
    return LazyCrops([partial(fit, crop, (side, side)) for crop in crops], [len(crop) for crop in crops])
