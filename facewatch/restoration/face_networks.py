"""The networks that restore faces: one for the photo, and others that users choose for single faces."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from facewatch.restoration.types import Crop, FaceNetwork, WorksInSteps

Progress = Callable[[int, int, str], None]
"""Receives how much is done, of how much, and the unit: "faces", "steps" of a face or "tiles"."""


def ignore_progress(done: int, total: int, unit: str) -> None:
    """Do nothing."""


class NetworkUse(NamedTuple):
    """The network that restores a face, and its weight."""

    model: str | None  # None: the photo's
    weight: float


@dataclass(frozen=True)
class FaceNetworks:
    """All loaded face networks."""

    network: FaceNetwork  # the photo's
    others: Mapping[str, FaceNetwork]  # by name
    guarded: Collection[str] = ()  # names of those that make up people

    def crop_size(self, model: str | None) -> int:
        """Return the side of the crops that a model takes, pixels; None: the photo's model."""
        return self._of(model).crop_size

    def makes_up_people(self, model: str | None) -> bool:
        """Return True if a model's faces may only be shown after the comparison; None: the photo's model."""
        return self._of(model).name in self.guarded

    def restore(
        self,
        crops: Sequence[Crop],
        uses: Sequence[NetworkUse],
        progress: Progress,
        keep: Callable[[int, Crop], Crop] = lambda _, crop: crop,
    ) -> list[Crop | None]:
        """Return the restored crops, each by its network; None where that returned its input.

        crops  may make each crop when it is asked for; only those of one batch are held
        keep   receives a number and a restored crop, and returns what is kept of it
        """
        outputs: dict[int, Crop | None] = {}
        for use in dict.fromkeys(uses):
            network = self._of(use.model)
            if isinstance(network, WorksInSteps):
                network.on_step = lambda done, total: progress(done, total, "steps")
            left = [number for number, own in enumerate(uses) if own == use]
            while left:
                progress(len(outputs), len(crops), "faces")
                batch, left = left[: network.batch], left[network.batch :]
                before = [crops[number] for number in batch]
                restored = network.restore(before, use.weight)
                for number, old, new in zip(batch, before, restored, strict=True):
                    outputs[number] = None if np.array_equal(new, old) else keep(number, new)
        return [outputs[number] for number in range(len(crops))]

    def draw(self, crop: Crop, weights: Sequence[float], progress: Progress) -> dict[float, Crop]:
        """Return a face restored with each weight by the photo's network; itself where nothing changes."""
        uses = [NetworkUse(None, weight) for weight in weights]
        drawn = self.restore([crop] * len(uses), uses, progress)
        return {weight: crop if new is None else new for weight, new in zip(weights, drawn, strict=True)}

    def _of(self, model: str | None) -> FaceNetwork:
        return self.network if model is None else self.others[model]
