"""Files beside a restored copy: comparisons of before and after, and crops."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facewatch.engine.messages import RestoreRequest
from facewatch.restoration import comparison
from facewatch.restoration.blending import RestoredPhoto
from facewatch.restoration.codecs.encoder import encode_plain
from facewatch.restoration.codecs.photo import Provenance
from facewatch.restoration.resize import eight_bits
from facewatch.system.text import one_line


def side_files(
    restored: RestoredPhoto, before: npt.NDArray[np.uint8], job: RestoreRequest, provenance: Provenance
) -> Iterator[tuple[str, bytes]]:
    """Yield the files beside a restored copy: the end of each name, and the bytes.

    before  the upright original, (H, W, 3) uint8 RGB
    """
    after = eight_bits(restored.photo.pixels)
    encoded = partial(encode_plain, provenance=provenance, icc=restored.photo.metadata.icc)
    about = f"{provenance.model}, weight {provenance.weight:g}"
    faces = () if restored.photo.pages else restored.faces  # of several pages, only the first is shown
    if job.restoration.compare == "side-by-side":
        labels = ("before", comparison.after_label(about, faces))
        yield " before-after.jpg", encoded(comparison.side_by_side(before, after, labels), "jpeg")
    elif job.restoration.compare == "slider-html":
        caption = comparison.Caption(one_line(Path(job.source).name), about, faces, before.shape[1])
        page = comparison.slider_html(encoded(before, "jpeg"), encoded(after, "jpeg"), caption)
        yield " before-after.html", page.encode()
    if job.restoration.save_crops:
        for number, (cropped, restored_crop) in enumerate(restored.crops, 1):
            yield f" face {number} cropped.png", encoded(cropped, "png")
            yield f" face {number} restored.png", encoded(restored_crop, "png")
