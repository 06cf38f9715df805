"""Synthetic landmarks in the template's layout, and textured photos."""

from __future__ import annotations

import math

import cv2
import numpy as np
from hypothesis import strategies as st

from facewatch.restoration.alignment import TEMPLATE


def landmarks_at(x: float, y: float, eye_distance: float, degrees: float) -> np.ndarray:
    """Return the template's landmarks around (x, y), scaled and rotated."""
    points = np.array(TEMPLATE) @ (1, 1j)
    turned = (points - points.mean()) * eye_distance / abs(points[1] - points[0])
    turned = turned * np.exp(1j * math.radians(degrees)) + complex(x, y)
    return np.stack([turned.real, turned.imag], axis=1).astype(np.float32)


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def square_mask() -> np.ndarray:
    """Return a mask of all but the outermost pixels: the hardest case at the photo's rim."""
    mask = np.zeros((512, 512), np.float32)
    mask[2:-2, 2:-2] = 1
    return mask


faces = st.tuples(
    st.floats(-10, 250), st.floats(-10, 210), st.floats(8, 120), st.floats(-180, 180)
)  # x, y, eye distance, degrees in a photo of 240 x 200
