"""Checkpoints in their published form with random weights, as benchmarks/ writes them too."""

from __future__ import annotations

from benchmarks.published import (
    codeformer,
    gfpgan,
    parsenet,
    realesr_general,
    realesrgan_x2,
    realesrgan_x4,
    restoreformer,
    retinaface_mobilenet,
    retinaface_resnet50,
)
from benchmarks.published_field import (
    dfdnet,
    dfdnet_dictionaries,
    dmdnet,
    gpen,
    pulse,
    pulse_latents,
    restoreformer_plus_plus,
    vqfr1,
    vqfr2,
)

__all__ = [
    "codeformer",
    "dfdnet",
    "dfdnet_dictionaries",
    "dmdnet",
    "gfpgan",
    "gpen",
    "parsenet",
    "pulse",
    "pulse_latents",
    "realesr_general",
    "realesrgan_x2",
    "realesrgan_x4",
    "restoreformer",
    "restoreformer_plus_plus",
    "retinaface_mobilenet",
    "retinaface_resnet50",
    "vqfr1",
    "vqfr2",
]
