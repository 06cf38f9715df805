"""Pack what a training needs into one small folder, for a machine that sees nothing else.

`python -m training.bundle DATA FOLDER` takes the faces that `training.faces` packed into DATA; elsewhere
`python -m training.bundle --unpack FOLDER DATA` makes DATA again, and FACEWATCH_SHARED=FOLDER shows where
the networks are.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file

from training.faces import SHARED, SIDES, read
from training.sface import COMPACT, SFACE, read_tensors

_QUALITY = {512: 86, 256: 92}  # of WebP; at 256 each pixel counts more


def pack(data: Path, folder: Path) -> None:
    """Write the faces as WebP files and the networks that look at them, SFace as float16."""
    (folder / "weights").mkdir(parents=True)
    for side in SIDES:
        target = folder / f"faces{side}"
        target.mkdir()
        for number, face in enumerate(np.load(data / f"faces{side}.npy", mmap_mode="r")):
            quality = (cv2.IMWRITE_WEBP_QUALITY, _QUALITY[side])
            cv2.imwrite(str(target / f"{number:05}.webp"), np.ascontiguousarray(face[:, :, ::-1]), quality)
    shutil.copy(SHARED / "weights" / "retinaface_mobilenet0.25.pth", folder / "weights")
    tensors = read_tensors(SHARED / "weights" / SFACE)
    save_file({name: torch.from_numpy(v).half() for name, v in tensors}, folder / "weights" / COMPACT)


def unpack(folder: Path, data: Path) -> None:
    """Write the arrays that the trainer reads."""
    data.mkdir(parents=True, exist_ok=True)
    for side in SIDES:
        faces = [read(file) for file in sorted((folder / f"faces{side}").glob("*.webp"))]
        np.save(data / f"faces{side}.npy", np.stack(faces))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--unpack", action="store_true")
    options.add_argument("source", type=Path)
    options.add_argument("target", type=Path)
    given = options.parse_args()
    (unpack if given.unpack else pack)(given.source, given.target)
