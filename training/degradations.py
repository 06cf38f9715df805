"""Make a clean face worse in the ways that cameras, scanners, paper and the web do.

All functions take and return (H, W, 3) RGB; `Pixels` are uint8, `Floats` float32 in 0-255. Randomness
comes in as a numpy Generator, so that a seed fixes every picture.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

CROP_SIZE = 512
_CLEAN = 0.08  # share of inputs that come unchanged
_NEARLY_CLEAN = 0.1  # share with a trace of JPEG, noise or scaling only
_LEAST_SIDE = 40
_NOISE = np.random.default_rng(1).standard_normal(1 << 22, np.float32)  # drawn once: drawing is what costs


def degrade(face: Pixels, draw: np.random.Generator) -> Pixels:
    """Return a worse picture of a face, (512, 512, 3), whatever the size of the face."""
    kind = draw.random()
    if kind < _CLEAN:
        return enlarge(face, cv2.INTER_CUBIC)
    if kind < _CLEAN + _NEARLY_CLEAN:
        return _touch(face, draw)
    worse = face.astype(np.float32)
    if draw.random() < 0.05:
        worse = _oversharpen(worse, draw)
    scale = float(np.exp(draw.uniform(0, np.log(12.5))))
    if scale > 2 and worse.shape[0] == CROP_SIZE:
        # Blur is cheaper on half the size, and nothing finer survives.
        worse = np.asarray(cv2.resize(worse, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)
    small = _shrink(_blur(worse, draw), scale, draw)
    turn = draw.uniform(-12, 12) if draw.random() < 0.25 else 0.0
    small = _turn(small, turn, small.shape[0])
    small = _age(small, draw)
    small = _add_noise(small, draw)
    if draw.random() < 0.8:
        small = compress(small, _quality(draw)).astype(np.float32)
        if draw.random() < 0.3:
            small = _recompress(small, draw)
    if draw.random() < 0.06:
        small = _oversharpen(small, draw)
    return _return_upright(small, turn, draw)


def enlarge(picture: npt.NDArray[Any], method: int) -> Pixels:
    """Bring a picture to the size of a crop."""
    if picture.shape[0] == CROP_SIZE:
        return to_pixels(picture)
    return to_pixels(cv2.resize(picture, (CROP_SIZE, CROP_SIZE), interpolation=method))


def to_pixels(picture: npt.NDArray[Any]) -> Pixels:
    """Round and clip to uint8."""
    whole = picture if picture.dtype == np.uint8 else np.clip(np.rint(picture), 0, 255)
    return np.asarray(whole, np.uint8)


def compress(picture: npt.NDArray[Any], quality: int) -> Pixels:
    """Save as JPEG and read back."""
    _, data = cv2.imencode(".jpg", to_pixels(picture)[:, :, ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1]


def noise(shape: tuple[int, ...], draw: np.random.Generator) -> Floats:
    """Cut standard normal noise out of the store; neighbouring draws share nothing visible."""
    count = int(np.prod(shape))
    start = int(draw.integers(0, len(_NOISE) - count))
    return _NOISE[start : start + count].reshape(shape)


def kernel(draw: np.random.Generator, reach: float) -> Floats:
    """Draw a blur kernel of sum 1: Gaussian of two widths, motion or defocus.

    reach  the largest sigma, pixels
    """
    kind, sigma = draw.random(), reach * draw.random() ** 1.5 + 0.05
    radius = int(np.ceil(3 * sigma)) + 1
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float32)
    angle = draw.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    if kind < 0.7:
        other = sigma if kind < 0.45 else sigma * draw.uniform(0.25, 1)
        drawn = np.exp(-0.5 * ((along / sigma) ** 2 + (across / other) ** 2))
    elif kind < 0.82:
        half = 1.7 * sigma
        drawn = np.clip(half + 0.5 - np.abs(along), 0, 1) * np.clip(1.0 - np.abs(across), 0, 1)
    else:
        drawn = np.clip(1.7 * sigma + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(drawn / drawn.sum(), np.float32)


def _touch(face: Pixels, draw: np.random.Generator) -> Pixels:
    """Leave traces that a restorer should hardly react to."""
    picture = face.astype(np.float32)
    if draw.random() < 0.4:
        picture = _shrink(picture, draw.uniform(1.0, 1.4), draw)
    if draw.random() < 0.6:
        picture = picture + noise(picture.shape, draw) * draw.uniform(0.3, 2.5)
    if draw.random() < 0.7:
        picture = compress(picture, int(draw.integers(88, 100))).astype(np.float32)
    return enlarge(picture, cv2.INTER_CUBIC)


def _blur(picture: Floats, draw: np.random.Generator) -> Floats:
    """Blur three faces in four, by up to 7 pixels of a 512 crop."""
    if draw.random() < 0.25:
        return picture
    size = picture.shape[0] / CROP_SIZE
    return np.asarray(
        cv2.filter2D(picture, -1, kernel(draw, 7 * size), borderType=cv2.BORDER_REFLECT), np.float32
    )


def _shrink(picture: Floats, scale: float, draw: np.random.Generator) -> Floats:
    """Reduce to a side of 512 / scale pixels, never enlarging."""
    side = min(picture.shape[0], max(_LEAST_SIDE, round(CROP_SIZE / scale)))
    method = cv2.INTER_AREA if draw.random() < 0.7 else (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[draw.integers(2)]
    return np.asarray(cv2.resize(picture, (side, side), interpolation=method), np.float32)


def _turn(picture: Floats, degrees: float, side: int) -> Floats:
    """Rotate about the centre: in a photo the face seldom stands upright on the grid of its JPEG."""
    if not degrees:
        return picture
    matrix = cv2.getRotationMatrix2D(((picture.shape[1] - 1) / 2,) * 2, degrees, 1.0)
    return np.asarray(
        cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT),
        np.float32,
    )


def _return_upright(picture: Floats, degrees: float, draw: np.random.Generator) -> Pixels:
    """Cut the crop out as the program does, by one bilinear warp; sometimes by a cubic resize."""
    side = picture.shape[0]
    if not degrees:
        return enlarge(picture, cv2.INTER_LINEAR if draw.random() < 0.6 else cv2.INTER_CUBIC)
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2,) * 2, -degrees, CROP_SIZE / side)
    matrix[:, 2] += (CROP_SIZE - side) / 2
    upright = cv2.warpAffine(
        to_pixels(picture),
        matrix,
        (CROP_SIZE, CROP_SIZE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return np.asarray(upright, np.uint8)


def _quality(draw: np.random.Generator) -> int:
    """Draw a JPEG quality, mostly those that cameras and web sites use."""
    return int(draw.integers(60, 97) if draw.random() < 0.75 else draw.integers(28, 60))


def _recompress(picture: Floats, draw: np.random.Generator) -> Floats:
    """Scale a little, so that the second JPEG's blocks lie elsewhere, and compress again."""
    side = max(_LEAST_SIDE, round(picture.shape[0] * draw.uniform(0.8, 1.15)))
    moved = cv2.resize(picture, (side, side), interpolation=cv2.INTER_LINEAR)
    return compress(moved, _quality(draw)).astype(np.float32)


def _oversharpen(picture: Floats, draw: np.random.Generator) -> Floats:
    """Mask unsharply with a halo that one sees."""
    soft = cv2.GaussianBlur(picture, (0, 0), draw.uniform(0.8, 2.5))
    return np.asarray(np.clip(picture + draw.uniform(0.5, 1.5) * (picture - soft), 0, 255), np.float32)


def _add_noise(picture: Floats, draw: np.random.Generator) -> Floats:
    """Add sensor noise (Gaussian or Poisson, grey or in colour) or film grain."""
    kind = draw.random()
    if kind < 0.15:
        return picture
    strength = draw.uniform(0, 8) if draw.random() < 0.5 else draw.uniform(6, 28)
    shape = picture.shape if draw.random() < 0.6 else (*picture.shape[:2], 1)
    grain = noise(shape, draw)
    if kind < 0.35:
        return picture + grain * strength * np.sqrt(np.clip(picture, 1, None) / 128)
    if kind < 0.55:
        size = draw.uniform(0.4, 1.1)
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), size), np.float32).reshape(shape)
        middle = 1 - ((picture.mean(2, keepdims=True) - 128) / 160) ** 2
        strength /= max(float(grain.std()), 1e-6)
        clumped: Floats = picture + grain * strength * middle.astype(np.float32)
        return clumped
    return picture + grain * strength


def _age(picture: Floats, draw: np.random.Generator) -> Floats:
    """Now and then print in dots, or leave dust and scratches."""
    kind = draw.random()
    if kind < 0.05:
        return _halftone(picture, draw)
    if kind < 0.15:
        return _scratch(picture, draw)
    return picture


def _halftone(picture: Floats, draw: np.random.Generator) -> Floats:
    """Modulate by a screen of dots, as a scanned newspaper shows it."""
    side, pitch, angle = picture.shape[0], draw.uniform(2.2, 5.0), draw.uniform(0, np.pi / 2)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    across, down = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    screen = np.cos(2 * np.pi * across / pitch) * np.cos(2 * np.pi * down / pitch)
    depth = draw.uniform(15, 60)
    return np.asarray(np.clip(picture + depth * screen[:, :, None], 0, 255), np.float32)


def _scratch(picture: Floats, draw: np.random.Generator) -> Floats:
    """Draw a few thin lines and specks, lighter or darker than what they cover."""
    side = picture.shape[0]
    cover = np.zeros((side, side), np.float32)
    for _ in range(draw.integers(0, 4)):
        start, end = draw.integers(0, side, 2), draw.integers(0, side, 2)
        cv2.line(cover, start.tolist(), end.tolist(), draw.uniform(0.3, 1), 1, cv2.LINE_AA)
    for _ in range(draw.integers(2, 25)):
        radius = int(draw.integers(0, max(2, side // 100)))
        cv2.circle(cover, draw.integers(0, side, 2).tolist(), radius, draw.uniform(0.3, 1), -1, cv2.LINE_AA)
    shade = 255.0 if draw.random() < 0.7 else 0.0
    return picture + (shade - picture) * cover[:, :, None]
