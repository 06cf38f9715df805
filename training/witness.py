"""Compare persons by a network that no loss of the training has seen.

`pip install dlib-bin`; the two files are those of the package `face_recognition_models` (dlib's, CC0).
"""

from __future__ import annotations

from pathlib import Path

import dlib
import numpy as np
import numpy.typing as npt

from training.faces import Pixels

_POINTS = "shape_predictor_5_face_landmarks.dat"
_NETWORK = "dlib_face_recognition_resnet_model_v1.dat"
_BOX = (140, 150, 372, 430)  # left, top, right and bottom of an aligned face in its crop
_SIDE, _MARGIN = 150, 0.25


class Dlib:
    """Embed aligned crops with dlib's ResNet.

    folder  holds the two files
    """

    def __init__(self, folder: Path) -> None:
        self._points = dlib.shape_predictor(str(folder / _POINTS))
        self._network = dlib.face_recognition_model_v1(str(folder / _NETWORK))

    def distance(self, clean: Pixels, other: Pixels) -> float:
        """Return how far a face is from the clean one, both (512, 512, 3) uint8 RGB.

        dlib takes two faces below 0.6 for one person. The landmarks are the clean face's for both.
        """
        places = self._points(np.ascontiguousarray(clean), dlib.rectangle(*_BOX))
        return float(np.linalg.norm(self._embed(other, places) - self._embed(clean, places)))

    def _embed(self, crop: Pixels, places: dlib.full_object_detection) -> npt.NDArray[np.float64]:
        chip = dlib.get_face_chip(np.ascontiguousarray(crop), places, size=_SIDE, padding=_MARGIN)
        return np.asarray(self._network.compute_face_descriptor(chip))
