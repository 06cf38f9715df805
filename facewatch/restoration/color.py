"""Colour transfer from the original to a restored face; grey and sepia photos stay so."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.restoration.types import CROP_SIZE, Crop

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# A face of 25 pixels, enlarged to the crop, is blurred by a sigma of about 15: detail finer than twice that
# is taken from the restoration, coarser structure from the original.
_COLOUR_SIGMA_PX = 32
_SHRINK = 8  # the blur is computed at an eighth of the size

_SAMPLE_SIDE_PX = 256  # the long side at which the tint is measured
_SAMPLE_SIGMA_PX = 2  # averages out noise and JPEG's coarse chroma
_RIM = 0.1  # of each side, ignored: the border of a scan
_QUANTILE = 0.998  # of the pixels must be near the curve; the rest may be dust, or a small face
_MOST_STRAY = 10.0  # of 255; see `stray`
_MOST_STRAY_OF_FACE = 32.0  # see `fits`
_BIN_LEVELS = 8
_FEWEST_IN_BIN = 0.005  # of the pixels; sparser bins are interpolated from their neighbours
_NEUTRAL = 1.5  # of 255: a curve closer to grey than this is grey


@dataclass(frozen=True, eq=False)
class Tint:
    """The toning of a photo that has a single colour for each brightness."""

    curve: Bytes  # (256, 3) RGB by luma

    @property
    def grey(self) -> bool:
        """True if the toning has no colour, unlike sepia."""
        return bool((self.curve == self.curve[:, :1]).all())


def match_color(restored: Bytes, original: Crop) -> Bytes:
    """Return the restored face with the low frequencies of the original's colour and brightness.

    restored    (S, S, 3) uint8 RGB of any S: the crop, or the crop enlarged

    A Gaussian of sigma 32 px of a 512 px crop splits the frequencies of all three channels; equal crops are
    returned unchanged.
    """
    side = CROP_SIZE // _SHRINK
    before, after = (
        cv2.resize(crop.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
        for crop in (original, restored)
    )
    smooth = cv2.GaussianBlur(before - after, (0, 0), _COLOUR_SIGMA_PX / _SHRINK)
    shift = cv2.resize(smooth, restored.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.add(restored, shift, dtype=cv2.CV_8U), dtype=np.uint8)


def tint(original: Bytes) -> Tint | None:
    """Return the toning of a grey or sepia photo; None for a colour photo.

    original    (H, W, 3) uint8 RGB, the whole photo
    """
    pixels = _sample(original)
    curve = _toning(pixels)
    if _stray_from(curve, pixels) > _MOST_STRAY:
        return None
    if np.abs(curve).max() < _NEUTRAL:
        curve = np.zeros_like(curve)
    levels = np.arange(256, dtype=np.float32)[:, None] + curve
    return Tint(np.rint(np.clip(levels, 0, 255)).astype(np.uint8))


def stray(original: Bytes) -> float:
    """Return the deviation of the photo's colours from one colour per brightness, in levels of 255.

    The distance of a pixel's R - Y and B - Y from their medians at its luma Y, as the quantile below which
    99.8 % of the pixels lie. Measured: grey photos 0-7, photos toned sepia and compressed at quality 50-75
    1-13, the palest of 17 colour photos 27, and 13 at half its saturation. The limit of 10 errs towards
    colour: a grey face in a colour photo is worse than a trace of colour in a sepia one, whose coarse colours
    `match_color` keeps anyway.
    """
    pixels = _sample(original)
    return _stray_from(_toning(pixels), pixels)


def fits(toning: Tint, original: Crop) -> bool:
    """Return True if a face has the toning of its photo.

    A face of a thousandth of the photo is too small to count in `tint`, but must not lose its colour.
    Measured in the middle of the crop, as `stray` does: faces of grey and sepia photos, compressed at quality
    50-75 and down to 20 pixels between the eyes, 0-25; faces of 17 colour photos 39 and more.
    """
    height, width = original.shape[:2]
    middle = original[height // 4 : height - height // 5, width // 4 : width - width // 4]
    levels = np.arange(256, dtype=np.float32)[:, None]
    return _stray_from(toning.curve.astype(np.float32) - levels, _sample(middle)) <= _MOST_STRAY_OF_FACE


def match_tint(restored: Bytes, toning: Tint) -> Bytes:
    """Return the restored face in the photo's toning: its luma, coloured by the curve."""
    luma = cv2.cvtColor(restored, cv2.COLOR_RGB2GRAY)
    return np.asarray(toning.curve[luma], dtype=np.uint8)


def _sample(original: Bytes) -> Floats:
    """Return the pixels of the shrunk and blurred picture without its rim, (N, 3) float32 RGB."""
    height, width = original.shape[:2]
    scale = min(1.0, _SAMPLE_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(original, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small = np.asarray(cv2.GaussianBlur(small, (0, 0), _SAMPLE_SIGMA_PX), np.float32)
    rim_y, rim_x = (int(side * _RIM) for side in small.shape[:2])
    inner = small[rim_y : small.shape[0] - rim_y, rim_x : small.shape[1] - rim_x]
    return np.asarray(inner.reshape(-1, 3), dtype=np.float32)


def _luma(pixels: Floats) -> Floats:
    """Return the luma after Rec. 601, as `cv2.COLOR_RGB2GRAY` does."""
    return pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)


def _toning(pixels: Floats) -> Floats:
    """Return the median RGB - Y for every luma, (256, 3) float32, whose own luma is zero."""
    luma = _luma(pixels)
    colour = pixels - luma[:, None]
    bins = np.minimum(luma, 255).astype(np.int32) // _BIN_LEVELS
    fewest = max(1, int(len(pixels) * _FEWEST_IN_BIN))
    centres, medians = [], []
    for index in range(256 // _BIN_LEVELS):
        in_bin = bins == index
        if np.count_nonzero(in_bin) >= fewest:
            centres.append(float(luma[in_bin].mean()))
            medians.append(np.median(colour[in_bin], axis=0))
    levels = np.arange(256)
    curve = np.stack([np.interp(levels, centres, [row[c] for row in medians]) for c in range(3)], axis=1)
    curve = curve.astype(np.float32)
    return np.asarray(curve - _luma(curve)[:, None], dtype=np.float32)


def _stray_from(curve: Floats, pixels: Floats) -> float:
    luma = _luma(pixels)
    deviation = pixels - luma[:, None] - curve[np.clip(np.rint(luma), 0, 255).astype(np.int32)]
    return float(np.quantile(np.hypot(deviation[:, 0], deviation[:, 2]), _QUANTILE))
