"""Where the faces are, by RetinaFace. The door to facexlib's detector."""

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
"""The longest picture that a backbone is shown by default: beyond it the time grows, not the faces found."""

_BUILT_AS: dict[Backbone, str] = {"resnet50": "resnet50", "mobilenet": "mobile0.25"}
_MEAN_BGR = (104.0, 117.0, 123.0)  # what the training took off
_STEPS = (8, 16, 32)  # pixels between the cells of the three feature maps
_ANCHORS = ((16, 32), (64, 128), (256, 512))  # sides of the two squares in each cell, pixels
_VARIANCES = (0.1, 0.2)  # of positions and of sizes, as trained


class RetinaFace:
    """RetinaFace (Deng et al., 2020) on its device; the form Detector."""

    def __init__(
        self,
        backbone: Backbone,
        checkpoint: Path,
        device: str,
        long_side: int | None = None,
        threshold: float = 0.9,
    ) -> None:
        """Load the network.

        long_side   pixels; larger pictures are shown to the network at this size (None: LONG_SIDES)
        threshold   the least score, 0-1, of a face that counts

        Raises BadCheckpoint when the file is not this network's, OutOfMemory when the device has no room.
        """
        self.name = f"retinaface-{backbone}"
        self._device = torch.device(device)
        self._long_side = LONG_SIDES[backbone] if long_side is None else long_side
        self._threshold = threshold
        self._network = _network(backbone, read_state_dict(checkpoint))
        with translate_torch_errors("load the face detector"):
            # As the picture lies in memory, too: convolutions need not turn it around first.
            self._network.to(self._device).to(memory_format=torch.channels_last)

    def find(self, image: npt.NDArray[np.uint8]) -> list[Face]:
        """The faces of an (H, W, 3) uint8 RGB picture, the surest first; boxes may reach over the rim.

        Raises OutOfMemory when the picture does not fit, NetworkFailed when the network's answer holds NaN.
        """
        height, width = image.shape[:2]
        shown = _bounded(image, self._long_side)
        boxes, landmarks, scores = self._detect(shown)
        # Half pixels, because it is the pictures' outer edges that agree, not their first pixels' centres.
        ratio = np.array([width / shown.shape[1], height / shown.shape[0]], np.float32)
        points = (np.concatenate([boxes.reshape(-1, 2, 2), landmarks], axis=1) + 0.5) * ratio - 0.5
        return [
            Face((float(x0), float(y0), float(x1), float(y1)), marks, float(score))
            for ((x0, y0), (x1, y1), *_), marks, score in zip(points, points[:, 2:], scores, strict=True)
        ]

    def _detect(self, image: npt.NDArray[np.uint8]) -> tuple[Rows, Rows, Rows]:
        """Boxes (N, 4), landmarks (N, 5, 2) and scores (N,), surest first, of the picture at this size."""
        cells, offsets, points, scores = self._answers(image)
        anchors = _anchors(cells, *image.shape[:2])
        centres, sides = anchors[:, :2], anchors[:, 2:]
        middles = centres + offsets[:, :2] * _VARIANCES[0] * sides
        halves = sides * np.exp(offsets[:, 2:] * _VARIANCES[1]) / 2
        boxes = np.concatenate([middles - halves, middles + halves], axis=1)
        landmarks = centres[:, None] + points.reshape(-1, 5, 2) * _VARIANCES[0] * sides[:, None]
        order = np.argsort(-scores, kind="stable")
        kept = order[survivors(boxes[order], MOST_OVERLAP)]
        return boxes[kept], landmarks[kept], scores[kept]

    def _answers(self, image: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int64], Rows, Rows, Rows]:
        """The numbers of the anchors that hold a face, and what the network says of them, undecoded."""
        with translate_torch_errors("look for the faces in this picture"), torch.inference_mode():
            rgb = torch.from_numpy(np.ascontiguousarray(image)).to(self._device)
            mean = torch.tensor(_MEAN_BGR, device=self._device)[:, None, None]
            bgr = rgb.flip(2).permute(2, 0, 1).float().sub_(mean)
            offsets, scores, points = (answer[0] for answer in self._network(bgr[None]))
            if not bool(torch.isfinite(scores).all()):
                raise NetworkFailed("The face detector gave no usable answer: fetch its file again.")
            cells = torch.nonzero(scores[:, 1] > self._threshold)[:, 0]
            chosen = [answer[cells].float().cpu().numpy() for answer in (offsets, points, scores[:, 1])]
            return cells.cpu().numpy(), chosen[0], chosen[1], chosen[2]


def _network(backbone: Backbone, state: StateDict) -> torch.nn.Module:
    """facexlib's network with the checkpoint's tensors in the place of its own."""
    with blank(), warnings.catch_warnings():
        # It asks torchvision for the ResNet in a way that has gone out of use.
        warnings.filterwarnings("ignore", message=r".*('pretrained'|weight enum)", category=UserWarning)
        network: torch.nn.Module = RetinaFaceNet(_BUILT_AS[backbone], device=torch.device("meta"))
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise BadCheckpoint(
            f"The file does not hold RetinaFace's weights for {backbone}; it looks like {_guess(state)}. "
            f"Remove it and fetch retinaface-{backbone} again, or choose the detector it belongs to."
        ) from error
    return network.float().eval().requires_grad_(requires_grad=False)


def _guess(state: StateDict) -> str:
    """What a state dict of another network, or of a changed one, looks like."""
    if "BboxHead.0.conv1x1.weight" not in state:
        return f"another network (it starts with {next(iter(state))})"
    if "body.layer4.2.conv3.weight" in state:
        return "RetinaFace with resnet50"
    if "body.stage3.1.3.weight" in state:
        return "RetinaFace with mobilenet"
    return "RetinaFace with another backbone"


def _bounded(image: npt.NDArray[np.uint8], long_side: int) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    ratio = long_side / max(height, width)
    if ratio >= 1:
        return image
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _anchors(numbers: npt.NDArray[np.int64], height: int, width: int) -> Rows:
    """Centre x, centre y, side, side of the anchors with these numbers, pixels; (N, 4).

    They are numbered by feature map, row, column and size. Only those that hold a face are ever worked out.
    """
    anchors = np.empty((len(numbers), 4), np.float32)
    first = 0
    for step, sides in zip(_STEPS, _ANCHORS, strict=True):
        rows, columns = -(-height // step), -(-width // step)
        here = (numbers >= first) & (numbers < first + rows * columns * len(sides))
        cell, which = np.divmod(numbers[here] - first, len(sides))
        row, column = np.divmod(cell, columns)
        side = np.array(sides)[which]
        anchors[here] = np.stack([(column + 0.5) * step, (row + 0.5) * step, side, side], axis=1)
        first += rows * columns * len(sides)
    return anchors
