"""Photos for the measurements of archives: small portraits, all different."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import cv2
import numpy as np

CUT_BYTES = 4000


def make_photos(folder: Path, count: int, side: int, *, faults: bool = True) -> None:
    """Write so many small portraits; with `faults`, one kills its worker, and one is cut short."""
    data = resources.files("facewatch.cli.demo").joinpath("eileen-collins.jpg").read_bytes()
    portrait = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert portrait is not None
    small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0)
    for number in range(count):
        name = f"{number % 20:02d}/{number:05d}.jpg"
        picture = np.clip(small + noise.normal(0, 6, small.shape), 0, 255).astype(np.uint8)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        encoded = cv2.imencode(".jpg", picture)[1].tobytes()
        if faults and number == count // 2:
            name = f"{number % 20:02d}/poison.jpg"
        if faults and number == count // 3:
            encoded = encoded[:CUT_BYTES]
        (folder / name).write_bytes(encoded)
