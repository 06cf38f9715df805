"""The portrait that comes with facewatch."""

from __future__ import annotations

from importlib import resources

import cv2
import numpy as np


def portrait_bytes() -> bytes:
    return resources.files("facewatch.cli.demo").joinpath("eileen-collins.jpg").read_bytes()


def portrait_pixels() -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    return cv2.imdecode(np.frombuffer(portrait_bytes(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()
