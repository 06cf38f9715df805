"""Face detection by RetinaFace, with facexlib's network."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch
from facexlib.detection.retinaface import RetinaFace as RetinaFaceNet

from facewatch.errors import BadCheckpoint, NetworkFailed
from facewatch.restoration.detection.nms import MOST_OVERLAP, survivors
from facewatch.restoration.networks.state_dict import StateDict, blank, read_state_dict
from facewatch.restoration.networks.torch_errors import translate_torch_errors
from facewatch.restoration.types import Face

Backbone: TypeAlias = Literal["resnet50", "mobilenet"]
Rows: TypeAlias = npt.NDArray[np.float32]

LONG_SIDES: dict[Backbone, int] = {"resnet50": 1280, "mobilenet": 2048}
"""The default limit of the long side, in pixels: larger pictures only take longer."""

_FACEXLIB_NAMES: dict[Backbone, str] = {"resnet50": "resnet50", "mobilenet": "mobile0.25"}
_MEAN_BGR = (104.0, 117.0, 123.0)  # subtracted in training
_STRIDES = (8, 16, 32)  # pixels between the cells of the three feature maps
_ANCHORS = ((16, 32), (64, 128), (256, 512))  # sides of the two squares in each cell, pixels
_VARIANCES = (0.1, 0.2)  # of positions and of sizes, as trained


class RetinaFace:
    """RetinaFace (Deng et al., 2020) on its device; a Detector."""

    def __init__(
        self,
        backbone: Backbone,
        checkpoint: Path,
        device: str,
        long_side: int | None = None,
        threshold: float = 0.9,
    ) -> None:
        """Load the network.

        long_side   pixels; larger pictures are shrunk to this size (None: LONG_SIDES)
        threshold   the lowest score of a face, 0-1

        Raises BadCheckpoint when the file is not for this network, OutOfMemory when the device has no room.
        """
        self.name = f"retinaface-{backbone}"
        self._device = torch.device(device)
        self._long_side = LONG_SIDES[backbone] if long_side is None else long_side
        self._threshold = threshold
        self._network = _network(backbone, read_state_dict(checkpoint))
        with translate_torch_errors("load the face detector"):
            # The picture's memory layout too, so that convolutions need not convert it.
            self._network.to(self._device).to(memory_format=torch.channels_last)

    def find(self, image: npt.NDArray[np.uint8]) -> list[Face]:
        """Return the faces of an (H, W, 3) uint8 RGB picture, highest score first; boxes may exceed it.

        Raises OutOfMemory when the picture does not fit, NetworkFailed when the network's output is NaN.
        """
        height, width = image.shape[:2]
        shown = _shrink(image, self._long_side)
        boxes, landmarks, scores = self._detect(shown)
        # Half pixels align the pictures' outer edges rather than the centres of their first pixels.
        ratio = np.array([width / shown.shape[1], height / shown.shape[0]], np.float32)
        points = (np.concatenate([boxes.reshape(-1, 2, 2), landmarks], axis=1) + 0.5) * ratio - 0.5
        return [
            Face((float(x0), float(y0), float(x1), float(y1)), marks, float(score))
            for ((x0, y0), (x1, y1), *_), marks, score in zip(points, points[:, 2:], scores, strict=True)
        ]

    def _detect(self, image: npt.NDArray[np.uint8]) -> tuple[Rows, Rows, Rows]:
        """Return boxes (N, 4), landmarks (N, 5, 2) and scores (N,), highest first, in pixels of `image`."""
        indices, offsets, points, scores = self._infer(image)
        anchors = _anchors(indices, *image.shape[:2])
        centres, sides = anchors[:, :2], anchors[:, 2:]
        middles = centres + offsets[:, :2] * _VARIANCES[0] * sides
        halves = sides * np.exp(offsets[:, 2:] * _VARIANCES[1]) / 2
        boxes = np.concatenate([middles - halves, middles + halves], axis=1)
        landmarks = centres[:, None] + points.reshape(-1, 5, 2) * _VARIANCES[0] * sides[:, None]
        order = np.argsort(-scores, kind="stable")
        kept = order[survivors(boxes[order], MOST_OVERLAP)]
        return boxes[kept], landmarks[kept], scores[kept]

    def _infer(self, image: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int64], Rows, Rows, Rows]:
        """Return the indices of the anchors with a face, and their raw offsets, landmarks and scores."""
        with translate_torch_errors("find the faces in this picture"), torch.inference_mode():
            rgb = torch.from_numpy(np.ascontiguousarray(image)).to(self._device)
            mean = torch.tensor(_MEAN_BGR, device=self._device)[:, None, None]
            bgr = rgb.flip(2).permute(2, 0, 1).float().sub_(mean)
            offsets, scores, points = (output[0] for output in self._network(bgr[None]))
            if not bool(torch.isfinite(scores).all()):
                raise NetworkFailed(
                    "The face detector returned NaN or infinite scores: download its file again."
                )
            indices = torch.nonzero(scores[:, 1] > self._threshold)[:, 0]
            chosen = [output[indices].float().cpu().numpy() for output in (offsets, points, scores[:, 1])]
            return indices.cpu().numpy(), chosen[0], chosen[1], chosen[2]


def _network(backbone: Backbone, state: StateDict) -> torch.nn.Module:
    """Return facexlib's network with the checkpoint's tensors."""
    with blank(), warnings.catch_warnings():
        # It builds torchvision's ResNet with deprecated arguments.
        warnings.filterwarnings("ignore", message=r".*('pretrained'|weight enum)", category=UserWarning)
        network: torch.nn.Module = RetinaFaceNet(_FACEXLIB_NAMES[backbone], device=torch.device("meta"))
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise BadCheckpoint(
            f"The file does not hold RetinaFace's weights for {backbone}; it looks like {_guess(state)}. "
            f"Remove it and download retinaface-{backbone} again, or choose the detector it belongs to."
        ) from error
    return network.float().eval().requires_grad_(requires_grad=False)


def _guess(state: StateDict) -> str:
    """Describe the network that a state dict seems to belong to."""
    if "BboxHead.0.conv1x1.weight" not in state:
        return f"another network (it starts with {next(iter(state))})"
    if "body.layer4.2.conv3.weight" in state:
        return "RetinaFace with resnet50"
    if "body.stage3.1.3.weight" in state:
        return "RetinaFace with mobilenet"
    return "RetinaFace with another backbone"


def _shrink(image: npt.NDArray[np.uint8], long_side: int) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    ratio = long_side / max(height, width)
    if ratio >= 1:
        return image
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _anchors(indices: npt.NDArray[np.int64], height: int, width: int) -> Rows:
    """Return centre x, centre y, side, side of the anchors with these indices, pixels; (N, 4).

    The order is by feature map, row, column and size. Only anchors with a face are computed.
    """
    anchors = np.empty((len(indices), 4), np.float32)
    first = 0
    for stride, sides in zip(_STRIDES, _ANCHORS, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        in_map = (indices >= first) & (indices < first + rows * columns * len(sides))
        cell, which = np.divmod(indices[in_map] - first, len(sides))
        row, column = np.divmod(cell, columns)
        side = np.array(sides)[which]
        anchors[in_map] = np.stack([(column + 0.5) * stride, (row + 0.5) * stride, side, side], axis=1)
        first += rows * columns * len(sides)
    return anchors
