"""Say how long each stage of the training is, how fast it learns and what it learns from."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """Describe steps of one kind; the learning rate follows a half cosine from `first_rate` to `last_rate`.

    batch   faces a step
    window  side of the part of each face that is looked at, a multiple of 16; 256 is the whole face
    identity, perceptual, flatness, realism
            how much each loss counts beside the distance; where they do, the window must be 256
    """

    steps: int
    first_rate: float
    last_rate: float
    batch: int
    window: int
    identity: float = 0.0
    perceptual: float = 0.0
    flatness: float = 0.0
    realism: float = 0.0


# The third stage brings the person back, and costs decibels; the last one makes faces sharper.
STAGES = (
    Stage(5_100, 4e-4, 4e-4, batch=16, window=96),
    Stage(900, 4e-4, 1e-4, batch=16, window=96),
    Stage(2_800, 2e-4, 1e-4, batch=4, window=256, identity=1.4, perceptual=0.14),
    Stage(
        1_600, 1.2e-4, 4e-6, batch=4, window=256, identity=1.4, perceptual=0.14, flatness=0.1, realism=0.02
    ),
)
_WARM_UP_STEPS = 60


def at(step: int, stages: tuple[Stage, ...] = STAGES) -> tuple[Stage, float] | None:
    """Return the stage that a step belongs to and its learning rate; None after the last."""
    start = 0
    for stage in stages:
        if step < start + stage.steps:
            share = 0.5 - 0.5 * math.cos(math.pi * (step - start) / stage.steps)
            rate = stage.first_rate + (stage.last_rate - stage.first_rate) * share
            return stage, rate * min(1.0, (step - start + 1) / _WARM_UP_STEPS)
        start += stage.steps
    return None
