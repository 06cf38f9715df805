"""Read the aligned portraits and keep the people of the evaluation out of the training.

`python -m training.faces DATA` packs the training faces into DATA; the portraits lie in
FACEWATCH_SHARED/faces.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

EVALUATION = Path(__file__).with_name("evaluation.csv")
SHARED = Path(os.environ.get("FACEWATCH_SHARED", "../shared"))
SAME_PERSON = 0.363  # cosine of two SFace embeddings from which OpenCV calls them one person
_SAME_LOOK = 0.5  # the same for made faces: each is a person of its own, but generators repeat themselves
_SHARP_EYES_PX = 63.0  # an eye distance in the source from which a crop of 256 was not enlarged
SIDES = (512, 256)
_MOST_PADDING = 0.12
_SFACE_POINTS = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
_CROP_POINTS = (
    (192.98138, 239.94708),
    (318.90277, 240.1936),
    (256.63416, 314.01935),
    (201.26117, 371.41043),
    (313.08905, 371.15118),
)


@dataclass(frozen=True)
class Portrait:
    """One row of the portraits' MANIFEST.csv."""

    file: str
    tier: str
    made: bool
    source: str
    side: int
    eyes_px: float
    padding: float

    @property
    def free(self) -> bool:
        """True where the licence leaves no doubt; only such portraits shape the weights that are shipped."""
        return self.tier == "A"

    @property
    def usable(self) -> bool:
        """True where the crop is sharp at the size it is saved at and mostly picture."""
        return self.eyes_px >= _SHARP_EYES_PX and self.padding <= _MOST_PADDING

    def load(self) -> Pixels:
        """Read the crop, (side, side, 3) uint8 RGB."""
        return read(SHARED / "faces" / self.file)


def read(file: Path) -> Pixels:
    """Read a picture, (H, W, 3) uint8 RGB."""
    pixels = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FileNotFoundError(file)
    return np.ascontiguousarray(pixels[:, :, ::-1], np.uint8)


def portraits() -> list[Portrait]:
    """Read the manifest."""
    with (SHARED / "faces" / "MANIFEST.csv").open() as rows:
        return [
            Portrait(
                row["file"],
                row["tier"],
                row["kind"] != "real",
                row["source"],
                int(row["saved"]),
                float(row["eye_px"]),
                float(row["pad"]),
            )
            for row in csv.DictReader(rows)
        ]


def held_out() -> list[str]:
    """List the files of the committed evaluation, each once."""
    with EVALUATION.open() as rows:
        return list(dict.fromkeys(row["file"] for row in csv.DictReader(rows)))


def sface_crop_matrix(side: int) -> npt.NDArray[np.float64]:
    """Return the (2, 3) similarity from a crop of `side` pixels to SFace's 112."""
    points = (np.array(_CROP_POINTS, np.float32) + 0.5) * side / 512 - 0.5
    matrix, _ = cv2.estimateAffinePartial2D(points, np.array(_SFACE_POINTS, np.float32), method=cv2.LMEDS)
    return np.asarray(matrix, np.float64)


class Identity:
    """Embed aligned crops with OpenCV's SFace."""

    def __init__(self) -> None:
        self._network = cv2.FaceRecognizerSF.create(
            str(SHARED / "weights" / "face_recognition_sface_2021dec.onnx"), ""
        )

    def embed(self, crop: Pixels) -> npt.NDArray[np.float32]:
        """Return the (128,) embedding of length 1 of one crop, (S, S, 3) uint8 RGB."""
        # An area mean first: a warp to a quarter of the size would skip pixels.
        small = cv2.resize(crop, (128, 128), interpolation=cv2.INTER_AREA)[:, :, ::-1]
        small = cv2.warpAffine(np.ascontiguousarray(small), sface_crop_matrix(128), (112, 112))
        vector = self._network.feature(small).ravel()
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def strangers(
    chosen: Iterable[Portrait], others: Iterable[Portrait], identity: Identity
) -> Iterator[Portrait]:
    """Yield the portraits that SFace takes for none of the `others`."""
    known = np.stack([identity.embed(portrait.load()) for portrait in others])
    for portrait in chosen:
        nearest = (known @ identity.embed(portrait.load())).max()
        if nearest < (_SAME_LOOK if portrait.made else SAME_PERSON):
            yield portrait


def pack(folder: Path) -> None:
    """Write the training faces as one array a size, faces512.npy and faces256.npy, their names beside them.

    A portrait is left out when its licence is in doubt, when it is soft, or when SFace takes it for
    a person of the evaluation.
    """
    everyone = {portrait.file: portrait for portrait in portraits()}
    tested = [everyone[name] for name in held_out()]
    kept: dict[int, list[Portrait]] = {side: [] for side in SIDES}
    free = (portrait for portrait in everyone.values() if portrait.free and portrait.usable)
    for portrait in strangers(free, tested, Identity()):
        kept[portrait.side].append(portrait)
    folder.mkdir(parents=True, exist_ok=True)
    for side, chosen in kept.items():
        np.save(folder / f"faces{side}.npy", np.stack([portrait.load() for portrait in chosen]))
        (folder / f"faces{side}.txt").write_text("\n".join(portrait.file for portrait in chosen) + "\n")


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
