"""Choose the faces to measure and write their lists.

`python -m training.held_out` writes training/evaluation.csv, whose figures are published, and
training/selection.csv, by which weights are chosen: one row a face and a degradation. The lists are committed
and change only when the portraits do.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from training.degradations import compress, enlarge, to_pixels
from training.faces import EVALUATION, SHARED, Identity, Pixels, Portrait, portraits, read, strangers

SELECTION = Path(__file__).with_name("selection.csv")
PER_SOURCE = {
    "us_senate117": 10,
    "us_house_older": 6,
    "pif_fellows": 14,
    "us_digital_corps": 6,
    "canada": 4,
    "faker_sd3": 14,
    "synth_flux_schnell": 6,
}
"""Faces saved at 512 taken from each source, 60 in all."""

LEVELS: tuple[tuple[str, int, float, float, int, bool], ...] = (
    ("x1 clean", 1, 0.0, 0.0, 0, False),
    ("x2", 2, 0.8, 4.0, 80, False),
    ("x4", 4, 0.5, 4.0, 80, False),
    ("x6", 6, 0.5, 5.0, 70, False),
    ("x8", 8, 0.5, 3.0, 80, False),
    ("x12", 12, 0.5, 3.0, 80, False),
    ("old scan x3", 3, 0.8, 8.0, 75, True),
)
"""Name, reduction of the 512 crop, blur (sigma in pixels of the small picture), noise (sigma), JPEG, grey."""


@dataclass(frozen=True)
class Case:
    """One row of the list."""

    file: str
    level: str
    reduction: int
    blur: float
    noise: float
    jpeg: int
    grey: bool
    seed: int

    def clean(self) -> Pixels:
        """Read the face, (512, 512, 3) uint8 RGB."""
        face = read(SHARED / "faces" / self.file)
        if not self.grey:
            return face
        return np.asarray(cv2.cvtColor(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)

    def worse(self, face: Pixels) -> Pixels:
        """Return the input: the small picture enlarged as the program does it, (512, 512, 3) uint8 RGB."""
        return enlarge(self.small(face), cv2.INTER_LINEAR)

    def small(self, face: Pixels) -> Pixels:
        """Blur, reduce, add noise and compress."""
        side = face.shape[0]
        if self.blur:
            face = to_pixels(cv2.GaussianBlur(face, (0, 0), self.blur * self.reduction))
        small = (side // self.reduction,) * 2
        picture: npt.NDArray[Any] = cv2.resize(face, small, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self.noise:
            shape = (*picture.shape[:2], 1 if self.grey else 3)
            picture = picture + np.random.default_rng(self.seed).normal(0, self.noise, shape)
        if self.jpeg:
            return compress(picture.astype(np.float32), self.jpeg)
        return to_pixels(picture)


def cases(file: Path = EVALUATION) -> list[Case]:
    """Read a committed list."""
    with file.open() as rows:
        return [
            Case(
                row["file"],
                row["level"],
                int(row["reduction"]),
                float(row["blur"]),
                float(row["noise"]),
                int(row["jpeg"]),
                row["grey"] == "1",
                int(row["seed"]),
            )
            for row in csv.DictReader(rows)
        ]


def choose(everyone: list[Portrait]) -> list[str]:
    """Draw the evaluation's faces of each source with a fixed seed."""
    draw = np.random.default_rng(13)
    chosen: list[str] = []
    for source, count in PER_SOURCE.items():
        files = [p.file for p in everyone if p.source == source and p.side == 512 and p.free and p.usable]
        chosen += sorted(draw.choice(files, count, replace=False).tolist())
    return chosen


def rest(everyone: list[Portrait], evaluated: list[str]) -> list[str]:
    """Return the faces to choose weights by: sharp ones whose licence keeps them out of the training."""
    doubtful = [p for p in everyone if p.side == 512 and p.usable and not p.free]
    tested = [p for p in everyone if p.file in set(evaluated)]
    return [portrait.file for portrait in strangers(doubtful, tested, Identity())]


def write(target: Path, files: list[str]) -> None:
    """Write one row for each file and level."""
    with target.open("w", newline="") as opened:
        rows = csv.writer(opened, lineterminator="\n")
        rows.writerow(("file", "level", "reduction", "blur", "noise", "jpeg", "grey", "seed"))
        for number, file in enumerate(files):
            for place, (name, reduction, blur, noise, jpeg, grey) in enumerate(LEVELS):
                rows.writerow((file, name, reduction, blur, noise, jpeg, int(grey), 100 * number + place))


if __name__ == "__main__":
    found = portraits()
    evaluation = choose(found)
    write(EVALUATION, evaluation)
    write(SELECTION, rest(found, evaluation))
