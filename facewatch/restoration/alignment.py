"""Alignment of faces: upright crops, and pasting of restored crops.

Pixel centres have integer coordinates: a picture enlarged s times has the photo's x at s * x + (s - 1) / 2.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.errors import CannotAlign
from facewatch.restoration.resize import fit
from facewatch.restoration.types import CROP_SIZE, Affine, Crop, Mask, Pixels, Points

TEMPLATE: tuple[tuple[float, float], ...] = (
    (192.98138, 239.94708),
    (318.90277, 240.1936),
    (256.63416, 314.01935),
    (201.26117, 371.41043),
    (313.08905, 371.15118),
)
"""The five landmarks in a crop: the mean FFHQ face at 512 px (facexlib's `face_template`)."""

_PADDING = (132, 133, 135)  # facexlib's colour beyond the photo, which the networks were trained with
_LARGEST_SCALE = 1000.0  # crop pixels per photo pixel; beyond it the five points nearly coincide
_RIM_MARGIN = 1.5  # crop pixels: samples this far inside the photo contain no padding
_RIM_FADE = 8.0  # crop pixels over which a face that leaves the photo fades out
_STRIP_ROWS = 256  # limits the float32 copies when a face fills a large picture


def align(landmarks: Points) -> Affine:
    """Return the similarity that maps a face's landmarks to the template, photo -> 512 px crop.

    landmarks  (5, 2) float32, x before y, pixels of the photo
    returns    (2, 3) float64

    Least median of squares, as in facexlib. Raises CannotAlign when no similarity fits the five points.
    """
    points = np.asarray(landmarks, np.float32)
    found = None
    if points.shape == (5, 2) and np.isfinite(points).all():
        found, _ = cv2.estimateAffinePartial2D(points, np.array(TEMPLATE), method=cv2.LMEDS)
    affine = np.asarray(np.zeros((2, 3)) if found is None else found, np.float64)
    if not np.isfinite(affine).all() or not 0 < scale_of(affine) < _LARGEST_SCALE:
        raise CannotAlign("The five landmarks of a face do not form a face; it cannot be turned upright.")
    return affine


def scale_of(affine: Affine) -> float:
    """Return a similarity's scale, in crop pixels per photo pixel."""
    return float(np.hypot(affine[0, 0], affine[1, 0]))


def crop_upright(
    image: npt.NDArray[np.uint8], landmarks: Points, size: int = CROP_SIZE
) -> tuple[Crop, Affine]:
    """Turn one face upright and crop it to the size that the network expects.

    image      (H, W, 3) uint8 RGB
    landmarks  (5, 2) float32, x before y, pixels of `image`
    size       side of the crop in pixels; every size shows the same part of the photo
    returns    the crop, (size, size, 3) uint8 RGB, grey where it leaves the photo, and the (2, 3) matrix
               photo -> 512 px crop

    Raises CannotAlign when no similarity fits the five points or the face lies outside the picture.
    """
    affine = align(landmarks)
    if size <= CROP_SIZE:
        whole = warped(image, affine, (CROP_SIZE, CROP_SIZE), cv2.BORDER_CONSTANT)
        return fit(whole, (size, size)), affine
    finer = affine * (size / CROP_SIZE)
    finer[:, 2] += (size / CROP_SIZE - 1) / 2
    return warped(image, finer, (size, size), cv2.BORDER_CONSTANT), affine


def warped(
    image: npt.NDArray[np.uint8], affine: Affine, size: tuple[int, int], border: int
) -> npt.NDArray[np.uint8]:
    """Return the picture warped by an affine, (height, width, 3) uint8 RGB.

    affine  (2, 3), from pixels of `image`
    size    width, height of the result
    border  OpenCV's mode for pixels beyond the picture; BORDER_CONSTANT is grey

    Raises CannotAlign when the result lies wholly outside the picture.
    """
    box = _box(_inverse(affine), (-1, -1, *size), image.shape[:2])
    if box is None:
        raise CannotAlign("A face lies outside the picture; it cannot be cut out.")
    left, top, right, bottom = box
    # Only the part in use: OpenCV indexes a warp's source pixels with 16 bits.
    part, shifted = image[top:bottom, left:right], _shifted_source(affine, left, top)
    result = cv2.warpAffine(part, shifted, size, borderMode=border, borderValue=_PADDING)
    return np.asarray(result, np.uint8)


def paste(picture: Pixels, crop: npt.NDArray[np.uint8], affine: Affine, mask: Mask, scale: int = 1) -> None:
    """Blend a restored face into the picture, in place; only the face's box is touched.

    picture  (H, W, 3) uint8 or uint16 RGB: the photo, or the photo enlarged `scale` times
    crop     (S, S, 3) uint8 RGB of any S
    affine   (2, 3), photo -> 512 px crop, from `crop_upright`
    mask     (512, 512) float32, 0-1; pixels where it is 0 do not change
    scale    how many times the picture is larger than the photo

    Where a face leaves the photo, the mask fades out over the last few crop pixels before the rim: the crop
    contains some padding there, which would show as a dark border.
    """
    to_picture = _crop_to_picture(affine, CROP_SIZE, scale)
    height, width = picture.shape[:2]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return
    shown = (int(columns[0]) - 1, int(rows[0]) - 1, int(columns[-1]) + 1, int(rows[-1]) + 1)
    box = _box(to_picture, shown, (height, width))
    if box is None:
        return
    left, top, right, bottom = box
    crop_to_picture = _crop_to_picture(affine, crop.shape[0], scale)
    fade = scale_of(affine) / scale  # crop pixels per picture pixel
    column_fade = _rim_fade(left, right, width, scale, fade)
    for y0 in range(top, bottom, _STRIP_ROWS):
        y1 = min(y0 + _STRIP_ROWS, bottom)
        size = (right - left, y1 - y0)
        strip_mask = cv2.warpAffine(mask, _shifted_target(to_picture, left, y0), size)
        weight = np.asarray(strip_mask, np.float32)
        weight *= np.minimum(_rim_fade(y0, y1, height, scale, fade)[:, None], column_fade[None, :])
        face = _warped_face(crop, _shifted_target(crop_to_picture, left, y0), size, picture.dtype)
        _blend(picture[y0:y1, left:right], face, weight)


def _inverse(affine: Affine) -> Affine:
    """Return the matrix crop -> photo."""
    return np.asarray(cv2.invertAffineTransform(affine), np.float64)


def _crop_to_picture(affine: Affine, crop_size: int, scale: int) -> Affine:
    """Return the matrix from a crop of `crop_size` pixels to a photo enlarged `scale` times.

    The half pixels align the pictures' outer edges. facexlib adds scale / 2 instead of (scale - 1) / 2,
    which puts every face half an output pixel too far to the right and down.
    """
    finer = crop_size / CROP_SIZE
    inverse = _inverse(affine)
    inverse[:, 2] += inverse[:, :2] @ np.full(2, (1 - finer) / (2 * finer))
    inverse[:, :2] /= finer
    inverse *= scale
    inverse[:, 2] += (scale - 1) / 2
    return inverse


def _shifted_target(affine: Affine, left: int, top: int) -> Affine:
    """Return the matrix for a target cropped at (left, top)."""
    shifted = affine.copy()
    shifted[:, 2] -= (left, top)
    return shifted


def _shifted_source(affine: Affine, left: int, top: int) -> Affine:
    """Return the matrix for a source cropped at (left, top)."""
    shifted = affine.copy()
    shifted[:, 2] += affine[:, :2] @ (left, top)
    return shifted


def _box(
    affine: Affine, rectangle: tuple[int, int, int, int], shape: tuple[int, ...]
) -> tuple[int, int, int, int] | None:
    """Return left, top, right, bottom of a mapped rectangle plus a pixel; None if outside `shape`."""
    x0, y0, x1, y1 = rectangle
    corners = np.array([(x0, y0, 1), (x1, y0, 1), (x0, y1, 1), (x1, y1, 1)], np.float64) @ affine.T
    limit = np.array(shape[::-1])
    low = np.clip(np.floor(corners.min(0)) - 1, 0, limit).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 2, 0, limit).astype(int)
    if (low >= high).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _rim_fade(start: int, stop: int, length: int, scale: int, fade: float) -> npt.NDArray[np.float32]:
    """Return a face's opacity at the positions start..stop of an axis of `length`; 0 at the rim."""
    outermost = (scale - 1) / 2  # the photo's first pixel centre in the enlarged picture
    position = np.arange(start, stop, dtype=np.float32)
    inside = np.minimum(position, length - 1 - position) - outermost
    return np.clip((inside * fade - _RIM_MARGIN) / _RIM_FADE, 0, 1).astype(np.float32)


def _warped_face(
    crop: npt.NDArray[np.uint8], affine: Affine, size: tuple[int, int], dtype: np.dtype[np.generic]
) -> npt.NDArray[np.float32]:
    """Return the crop at its place in the picture, in its range; edge pixels repeat, so no black mixes in."""
    if dtype == np.uint16:
        # Interpolated in float32, so that 8-bit steps do not show in a 16-bit gradient.
        face = cv2.warpAffine(crop.astype(np.float32), affine, size, borderMode=cv2.BORDER_REPLICATE) * 257
    else:
        face = cv2.warpAffine(crop, affine, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(face, np.float32)


def _blend(part: Pixels, face: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]) -> None:
    """Blend the face into a part of the picture, in place; weight 0 changes no pixel, even by rounding."""
    blended = part.astype(np.float32)
    face -= blended
    face *= weight[:, :, None]
    blended += face
    part[...] = np.rint(blended)


def aligned_eye_px(width: int) -> float:
    """Return the distance of the eyes in a photo of this width that is a cropped face."""
    return float((TEMPLATE[1][0] - TEMPLATE[0][0]) * width / CROP_SIZE)
