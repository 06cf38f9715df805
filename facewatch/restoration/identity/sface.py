"""Embeddings of faces by SFace, computed in OpenCV.

Zhong et al., "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition", 2021; the network is
OpenCV's export of it (Apache-2.0).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.errors import BadCheckpoint
from facewatch.restoration.alignment import TEMPLATE
from facewatch.restoration.types import CROP_SIZE, Crop

Embedding = npt.NDArray[np.float32]
"""A face as SFace sees it, (128,) float32; the same person's embeddings point the same way."""

_NUMBERS = 128  # that the network returns
_SIDE = 112  # pixels of the picture that the network takes
_TARGETS = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
"""Places at which the network expects the five landmarks (OpenCV's `FaceRecognizerSF`)."""
_REDUCED = 128  # side of the crop before the warp: a warp to a quarter of the size would skip pixels


class SFace:
    """The network; one thread at a time, since it keeps its last input."""

    def __init__(self, file: Path) -> None:
        """Load the ONNX file.

        Raises BadCheckpoint when it cannot be read, or is not this network.
        """
        try:
            data = np.frombuffer(file.read_bytes(), np.uint8)  # OpenCV cannot open some paths on Windows
        except OSError as error:
            raise BadCheckpoint(f"{file} cannot be read: {error.strerror}") from error
        self._affine = _crop_to_network()
        try:
            self._network = cv2.FaceRecognizerSF.create("onnx", data, np.empty(0, np.uint8))
            numbers = self.embed(
                np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8)
            )  # OpenCV checks nothing earlier
        except cv2.error as error:
            raise BadCheckpoint(f"{file} is not the network SFace: {error.err}") from error
        if numbers.shape != (_NUMBERS,):
            raise BadCheckpoint(
                f"{file} is not the network SFace: it returns {numbers.size} numbers, not {_NUMBERS}"
            )

    def embed(self, crop: Crop) -> Embedding:
        """Return the embedding of an upright face, not normalised: its length tells how clear the face is.

        crop     (512, 512, 3) uint8 RGB
        returns  (128,) float32
        """
        small = cv2.resize(crop, (_REDUCED, _REDUCED), interpolation=cv2.INTER_AREA)
        aligned = cv2.warpAffine(small, self._affine, (_SIDE, _SIDE))
        bgr = np.ascontiguousarray(aligned[:, :, ::-1])
        return np.array(self._network.feature(bgr), np.float32).ravel()


def _crop_to_network() -> npt.NDArray[np.float64]:
    """Return the (2, 3) similarity from a reduced crop to the network's picture."""
    points = (np.array(TEMPLATE, np.float32) + 0.5) * (_REDUCED / CROP_SIZE) - 0.5
    affine, _ = cv2.estimateAffinePartial2D(points, np.array(_TARGETS, np.float32), method=cv2.LMEDS)
    return np.asarray(affine, np.float64)
