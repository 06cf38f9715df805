"""Say how long each stage of the training is, how fast it learns and what it learns from."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """Describe steps of one kind; the learning rate follows a half cosine from `first_rate` to `last_rate`.

    batch   faces a step
    window  side of the part of each face that is looked at, a multiple of 16; 256 is the whole face
    identity, perceptual, steepness, realism
            how much each loss counts beside the distance; where they do, the window must be 256
    """

    steps: int
    first_rate: float
    last_rate: float
    batch: int
    window: int
    identity: float = 0.0
    perceptual: float = 0.0
    steepness: float = 0.0
    realism: float = 0.0


# The third stage brings the person back, and costs decibels; the shipped weights lie between its start and
# its end (`training.weights --earlier`). The last one makes faces sharper: README.md says how much.
STAGES = (
    Stage(4_200, 4e-4, 4e-4, batch=16, window=96),
    Stage(900, 4e-4, 2e-5, batch=16, window=96),
    Stage(1_900, 1.2e-4, 5e-6, batch=4, window=256, identity=1.0, perceptual=0.3, steepness=0.3),
    Stage(800, 1e-4, 3e-6, batch=4, window=256, identity=2.0, perceptual=0.3, steepness=0.4, realism=0.1),
    Stage(
        1_300, 1.5e-4, 3e-6, batch=4, window=256, identity=2.0, perceptual=0.3, steepness=0.3, realism=0.05
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
