"""The portrait that the program ships with, for tests that need a face."""

from __future__ import annotations

from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray


def portrait_bytes() -> bytes:
    """Return the JPEG file, 480 x 480 pixels with one face."""
    return resources.files("facewatch.cli.demo").joinpath("eileen-collins.jpg").read_bytes()


def portrait_pixels() -> NDArray[np.uint8]:
    """Return the portrait's pixels, (480, 480, 3) uint8 RGB."""
    data = np.frombuffer(portrait_bytes(), np.uint8)
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
