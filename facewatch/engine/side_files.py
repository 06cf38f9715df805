"""The files a user may ask for beside the restored copy: comparisons and crops."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facewatch.engine.messages import Job
from facewatch.restoration import comparison
from facewatch.restoration.blending import Restored
from facewatch.restoration.codecs import Provenance
from facewatch.restoration.codecs.plain import encode_plain
from facewatch.restoration.depth import eight_bits


def side_files(
    restored: Restored, before: npt.NDArray[np.uint8], job: Job, provenance: Provenance
) -> Iterator[tuple[str, bytes]]:
    """What stands beside one restored copy: the end of each file's name, and its bytes.

    before  the upright original, (H, W, 3) uint8 RGB
    """
    after = eight_bits(restored.photo.pixels)
    encoded = partial(encode_plain, provenance=provenance, icc=restored.photo.metadata.icc)
    if job.restoration["compare"] == "side-by-side":
        yield " before-after.jpg", encoded(comparison.side_by_side(before, after), "jpeg")
    elif job.restoration["compare"] == "slider-html":
        pictures = (encoded(before, "jpeg"), encoded(after, "jpeg"))
        yield " before-after.html", comparison.slider_html(*pictures, Path(job.source).name).encode()
    if job.restoration["save_crops"]:
        for number, (cropped, restored_crop) in enumerate(restored.crops, 1):
            yield f" face {number} cropped.png", encoded(cropped, "png")
            yield f" face {number} restored.png", encoded(restored_crop, "png")
