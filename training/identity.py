"""Measure how well the identity gate tells people apart, and print the curves of docs/identity.md.

`python -m training.identity choose` writes the list of faces, training/identity.csv, which is committed.
`python -m training.identity measure FILE [--set fit|test]` embeds them, `print FILE...` prints the curves.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from facewatch.restoration.detection.yunet import YuNet
from facewatch.restoration.identity.sface import SFace
from facewatch.restoration.networks import builtin
from facewatch.restoration.networks.loader import load
from training.degradations import degrade
from training.faces import SHARED, Pixels, held_out, portraits, read
from training.held_out import Case

LIST = Path(__file__).with_name("identity.csv")
WEIGHTS = SHARED / "weights" / "face_recognition_sface_2021dec.onnx"
PER_SOURCE = {
    "us_senate117": 18,
    "pif_fellows": 30,
    "us_digital_corps": 8,
    "canada": 12,
    "faker_sd3": 22,
    "synth_flux_schnell": 20,
}
"""Faces of the fit taken from each source; those of the test are the evaluation's, which no training saw."""
LEVELS: tuple[tuple[str, int, float, float, int, bool], ...] = (
    ("x1", 1, 0.0, 0.0, 0, False),
    ("x2", 2, 0.8, 4.0, 80, False),
    ("x4", 4, 0.5, 4.0, 80, False),
    ("x8", 8, 0.5, 3.0, 80, False),
    ("x12", 12, 0.5, 3.0, 80, False),
    ("x16", 16, 0.5, 3.0, 80, False),
    ("x24", 24, 0.5, 3.0, 80, False),
    ("old scan x3", 3, 0.8, 8.0, 75, True),
)
"""As `training.held_out.LEVELS`, and worse."""
RANDOM = 3  # inputs a face that are drawn as in training, beside the levels
MILD = ("x1", "x2", "x4", "old scan x3")
Split = Literal["fit", "test"]


@dataclass(frozen=True)
class Entry:
    """One row of the list."""

    file: str
    split: Split
    other: str  # another person, whose face is put in the place of this one
    seed: int


def choose() -> None:
    """Write the list: the faces of fit and test, each with a stranger of the same source."""
    draw = np.random.default_rng(7)
    tested = held_out()
    everyone = [p for p in portraits() if p.side == 512 and p.free and p.usable]
    with LIST.open("w", newline="") as target:
        rows = csv.writer(target, lineterminator="\n")
        rows.writerow(("file", "split", "other", "seed"))
        for split in ("fit", "test"):
            number = 0
            for source, count in PER_SOURCE.items():
                free = [p.file for p in everyone if p.source == source and p.file not in tested]
                files = sorted(
                    draw.choice(free, min(count, len(free)), replace=False).tolist()
                    if split == "fit"
                    else [file for file in tested if file.startswith(f"{source}/")]
                )
                for place, file in enumerate(files):  # the next one of the source: as like as it gets
                    rows.writerow((file, split, files[(place + 1) % len(files)], 1000 * number))
                    number += 1


def entries(split: Split) -> list[Entry]:
    """Read the committed list."""
    with LIST.open() as rows:
        found = [Entry(r["file"], r["split"], r["other"], int(r["seed"])) for r in csv.DictReader(rows)]  # type: ignore[arg-type]
    return [entry for entry in found if entry.split == split]


def inputs(entry: Entry, face: Pixels) -> Iterator[tuple[str, Pixels]]:
    """Yield the name and the pixels of each input made of a face, (512, 512, 3) uint8 RGB."""
    for place, level in enumerate(LEVELS):
        yield level[0], Case(entry.file, *level, seed=entry.seed + place).worse(_grey(face, grey=level[5]))
    for place in range(RANDOM):
        yield "drawn", degrade(face, np.random.default_rng(entry.seed + 100 + place))


def _grey(face: Pixels, *, grey: bool) -> Pixels:
    if not grey:
        return face
    return np.asarray(cv2.cvtColor(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def measure(split: Split, file: Path) -> None:
    """Embed every face, every input and what the built-in network makes of it; write them as .npz."""
    sface, network, detector = SFace(WEIGHTS), load(builtin.WEIGHTS, "builtin", "cpu"), YuNet(192, 0.5)
    found: dict[str, list[Any]] = {"clean": [], "before": [], "after": [], "marks": [], "levels": []}
    chosen = entries(split)
    for entry in chosen:
        face = read(SHARED / "faces" / entry.file)
        found["clean"].append(sface.embed(face))
        for level, before in inputs(entry, face):
            (after,) = network.restore([before], 0.0)
            found["levels"].append(level)
            found["before"].append(sface.embed(before))
            found["after"].append(sface.embed(after))
            found["marks"].append([_marks(detector, crop) for crop in (before, after, face)])
    count, per_face = len(chosen), len(LEVELS) + RANDOM
    np.savez(
        file,
        clean=np.stack(found["clean"]),
        before=np.stack(found["before"]).reshape(count, per_face, -1),
        after=np.stack(found["after"]).reshape(count, per_face, -1),
        marks=np.array(found["marks"], np.float32).reshape(count, per_face, 3, 5, 2),
        levels=np.array(found["levels"][:per_face]),
        files=np.array([entry.file for entry in chosen]),
    )


def _marks(detector: YuNet, crop: Pixels) -> npt.NDArray[np.float32]:
    """Return the landmarks of the most certain face, NaN if none is found."""
    faces = detector.find(crop)
    return faces[0].landmarks if faces else np.full((5, 2), np.nan, np.float32)


def main() -> None:
    """Run one of the three steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("choose", "measure", "print"))
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--set", dest="split", choices=("fit", "test"), default="fit")
    args = parser.parse_args()
    if args.step == "choose":
        choose()
    elif args.file is None:
        parser.error("name the .npz file")
    elif args.step == "measure":
        measure(args.split, args.file)
    else:
        from training.identity_curves import curves

        sys.stdout.write(curves(args.file))


if __name__ == "__main__":
    main()
