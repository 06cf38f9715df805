"""Say how long each stage of the training is, how fast it learns and what it learns from."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """Describe steps of one kind; the learning rate follows a half cosine from `first_rate` to `last_rate`.

    window     side of the part of each crop that is looked at, a multiple of 64; 384 holds the whole face
    frequency, identity, perceptual, sharpness
               how much each loss counts beside the pixels
    """

    steps: int
    first_rate: float
    last_rate: float
    window: int = 512
    frequency: float = 0.05
    identity: float = 0.0
    perceptual: float = 0.0
    sharpness: float = 0.0

    @property
    def compares_faces(self) -> bool:
        """True where a loss needs the whole face."""
        return self.identity + self.perceptual + self.sharpness > 0


STAGES = (
    Stage(3_000, 1.5e-4, 1.5e-4, window=256),
    Stage(9_000, 1.5e-4, 1e-4, window=384),
    Stage(6_000, 1e-4, 5e-5, window=384, identity=0.5, perceptual=0.2, sharpness=0.1),
    Stage(2_000, 5e-5, 1e-6, window=512, identity=0.5, perceptual=0.2, sharpness=0.1),
)
"""At batches of 8, 6e-4 undid within a hundred steps what the fitted start gives; 1.5e-4 improves on it."""
_WARM_UP_STEPS = 60


def at(step: int, stages: tuple[Stage, ...] = STAGES) -> tuple[Stage, float] | None:
    """Return the stage that a step belongs to and its learning rate; None after the last."""
    start = 0
    for stage in stages:
        if step < start + stage.steps:
            share = 0.5 - 0.5 * math.cos(math.pi * (step - start) / stage.steps)
            rate = stage.first_rate + (stage.last_rate - stage.first_rate) * share
            return stage, rate * min(1.0, (step + 1) / _WARM_UP_STEPS)
        start += stage.steps
    return None
