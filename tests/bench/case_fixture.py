"""A case with a group photo and everything that the rows take from the run's folder."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facewatch.cli.bench.case import Case
from facewatch.cli.bench.photos import with_group

RNG = np.random.default_rng(5)


def picture(height=300, width=400):
    coarse = RNG.integers(0, 256, (height // 10, width // 10, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def case(tmp_path):
    """A group photo and everything that the rows take from the run's folder."""
    shot = with_group(picture())
    cv2.imwrite(str(tmp_path / "photo.png"), shot.pixels[:, :, ::-1])
    arrays = {
        "crop": picture(512, 512),
        "restored": picture(512, 512),
        "labels": np.zeros((512, 512), np.uint8),
    }
    arrays["labels"][100:400, 120:380] = 1
    args = {"photo": str(tmp_path / "photo.png"), "upscale": 1}
    for name, array in arrays.items():
        args[name] = str(tmp_path / f"{name}.npy")
        np.save(args[name], array)
    return Case(
        "facewatch.cli.bench.ours:png",
        str(tmp_path),
        "cpu",
        tuned=False,
        faces={"300x400": shot.faces},
        args=args,
    )
