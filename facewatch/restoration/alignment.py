"""Turn a face upright and cut it out; put the restored face back.

Pixel centres lie on whole numbers: a picture enlarged s times has the photo's point x at s * x + (s - 1) / 2.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.errors import CannotAlign
from facewatch.restoration.types import CROP_SIZE, Affine, Crop, Mask, Pixels, Points

TEMPLATE: tuple[tuple[float, float], ...] = (
    (192.98138, 239.94708),
    (318.90277, 240.1936),
    (256.63416, 314.01935),
    (201.26117, 371.41043),
    (313.08905, 371.15118),
)
"""Where the five landmarks lie in a crop: the mean FFHQ face at 512 px (facexlib's `face_template`)."""

_PADDING = (132, 133, 135)  # what facexlib puts where the crop leaves the photo, and the networks have seen
_LARGEST_SCALE = 1000.0  # crop pixels per photo pixel; beyond it the five points are one point
_CLEAR_OF_RIM = 1.5  # crop pixels: a sample this far inside the photo mixes in no padding
_RIM_FADE = 8.0  # crop pixels over which a face that leaves the photo fades into it
_STRIP_ROWS = 256  # bounds the float32 copies when a face fills a large picture


def align(landmarks: Points) -> Affine:
    """The similarity that takes a face's landmarks to the template, photo -> 512 px crop.

    landmarks  (5, 2) float32, x before y, pixels of the photo
    returns    (2, 3) float64

    Least median of squares, as facexlib has it. Raises CannotAlign when no similarity fits the five points.
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
    """Crop pixels per photo pixel of a similarity."""
    return float(np.hypot(affine[0, 0], affine[1, 0]))


def crop_upright(image: npt.NDArray[np.uint8], landmarks: Points) -> tuple[Crop, Affine]:
    """Turn one face upright and cut it out at the size the networks expect.

    image      (H, W, 3) uint8 RGB
    landmarks  (5, 2) float32, x before y, pixels of `image`
    returns    the crop, (512, 512, 3) uint8 RGB, grey where it leaves the photo, and the (2, 3) matrix
               photo -> crop

    Raises CannotAlign when no similarity fits the five points or the face lies outside the picture.
    """
    affine = align(landmarks)
    return warped(image, affine, (CROP_SIZE, CROP_SIZE), cv2.BORDER_CONSTANT), affine


def warped(
    image: npt.NDArray[np.uint8], affine: Affine, size: tuple[int, int], border: int
) -> npt.NDArray[np.uint8]:
    """What an affine takes to (0, 0)-(width, height), (height, width, 3) uint8 RGB.

    affine  (2, 3), from pixels of `image`
    size    width, height
    border  what stands for pixels beyond the picture, of OpenCV's kinds; a constant one is grey

    Raises CannotAlign where all of it lies outside the picture.
    """
    box = _box(_inverse(affine), (-1, -1, *size), image.shape[:2])
    if box is None:
        raise CannotAlign("A face lies outside the picture; it cannot be cut out.")
    left, top, right, bottom = box
    # Only the part that is needed: OpenCV counts a warp's source pixels in 16 bits.
    part, shifted = image[top:bottom, left:right], _shifted_source(affine, left, top)
    cut = cv2.warpAffine(part, shifted, size, borderMode=border, borderValue=_PADDING)
    return np.asarray(cut, np.uint8)


def paste(picture: Pixels, crop: npt.NDArray[np.uint8], affine: Affine, mask: Mask, scale: int = 1) -> None:
    """Blend a restored face into the picture, in place, touching only the face's box.

    picture  (H, W, 3) uint8 or uint16 RGB: the photo, or the photo enlarged `scale` times
    crop     (S, S, 3) uint8 RGB, S = 512 or larger after the face itself was enlarged
    affine   (2, 3), photo -> 512 px crop, as `crop_upright` gave it
    mask     (512, 512) float32, 0-1; where it is 0 the picture stays bit for bit
    scale    how many times the picture is larger than the photo

    Where a face leaves the photo, the mask fades out over the last few crop pixels before the rim: the crop
    there holds a mixture with the padding, which would come back as a dark border.
    """
    to_picture = _enlarged(_inverse(affine), CROP_SIZE, CROP_SIZE, scale)
    height, width = picture.shape[:2]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return
    shown = (int(columns[0]) - 1, int(rows[0]) - 1, int(columns[-1]) + 1, int(rows[-1]) + 1)
    box = _box(to_picture, shown, (height, width))
    if box is None:
        return
    left, top, right, bottom = box
    crop_to_picture = _enlarged(_inverse(affine), CROP_SIZE, crop.shape[0], scale)
    fade = scale_of(affine) / scale  # crop pixels per picture pixel
    across = _rim_fade(left, right, width, scale, fade)
    for y0 in range(top, bottom, _STRIP_ROWS):
        y1 = min(y0 + _STRIP_ROWS, bottom)
        size = (right - left, y1 - y0)
        shown_here = cv2.warpAffine(mask, _shifted_target(to_picture, left, y0), size)
        weight = np.asarray(shown_here, np.float32)
        weight *= np.minimum(_rim_fade(y0, y1, height, scale, fade)[:, None], across[None, :])
        face = _warped_face(crop, _shifted_target(crop_to_picture, left, y0), size, picture.dtype)
        _blend(picture[y0:y1, left:right], face, weight)


def _inverse(affine: Affine) -> Affine:
    """Crop -> photo."""
    return np.asarray(cv2.invertAffineTransform(affine), np.float64)


def _enlarged(inverse: Affine, crop_size: int, actual_size: int, scale: int) -> Affine:
    """Crop -> photo, for a crop of another size and a photo `scale` times as large.

    The half pixels make the pictures' outer edges agree. facexlib adds scale / 2 instead of (scale - 1) / 2,
    which puts every face half an output pixel too far to the right and down.
    """
    finer = actual_size / crop_size
    affine = np.array(inverse, np.float64)
    affine[:, 2] += affine[:, :2] @ np.full(2, (1 - finer) / (2 * finer))
    affine[:, :2] /= finer
    affine *= scale
    affine[:, 2] += (scale - 1) / 2
    return affine


def _shifted_target(affine: Affine, left: int, top: int) -> Affine:
    """The matrix for a target that is cut at (left, top)."""
    shifted = affine.copy()
    shifted[:, 2] -= (left, top)
    return shifted


def _shifted_source(affine: Affine, left: int, top: int) -> Affine:
    """The matrix for a source that is cut at (left, top)."""
    shifted = affine.copy()
    shifted[:, 2] += affine[:, :2] @ (left, top)
    return shifted


def _box(
    affine: Affine, square: tuple[int, int, int, int], shape: tuple[int, ...]
) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of a mapped rectangle with a pixel to spare; None where outside `shape`."""
    x0, y0, x1, y1 = square
    corners = np.array([(x0, y0, 1), (x1, y0, 1), (x0, y1, 1), (x1, y1, 1)], np.float64) @ affine.T
    limit = np.array(shape[::-1])
    low = np.clip(np.floor(corners.min(0)) - 1, 0, limit).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 2, 0, limit).astype(int)
    if (low >= high).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _rim_fade(start: int, stop: int, length: int, scale: int, fade: float) -> npt.NDArray[np.float32]:
    """How much of a face shows at the positions start..stop of an axis `length` long; 0 at the rim."""
    outermost = (scale - 1) / 2  # where the photo's first pixel centre lies in the enlarged picture
    position = np.arange(start, stop, dtype=np.float32)
    inside = np.minimum(position, length - 1 - position) - outermost
    return np.clip((inside * fade - _CLEAR_OF_RIM) / _RIM_FADE, 0, 1).astype(np.float32)


def _warped_face(
    crop: npt.NDArray[np.uint8], affine: Affine, size: tuple[int, int], dtype: np.dtype[np.generic]
) -> npt.NDArray[np.float32]:
    """The crop in the picture's place and range; the crop's rim goes on outside it, so no black mixes in."""
    if dtype == np.uint16:
        # Interpolated in float32, so that 8-bit steps do not show in a 16-bit gradient.
        face = cv2.warpAffine(crop.astype(np.float32), affine, size, borderMode=cv2.BORDER_REPLICATE) * 257
    else:
        face = cv2.warpAffine(crop, affine, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(face, np.float32)


def _blend(part: Pixels, face: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]) -> None:
    """Mix the face into a part of the picture, in place; weight 0 changes nothing, not by rounding either."""
    blended = part.astype(np.float32)
    face -= blended
    face *= weight[:, :, None]
    blended += face
    part[...] = np.rint(blended)
