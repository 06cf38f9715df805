"""The photos that are on their way through the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facewatch.engine.messages import RestoreRequest as Order
from facewatch.restoration.options import Setup
from facewatch.state.ledger import Job
from facewatch.worker.readiness import Ready


@dataclass(frozen=True)
class InFlightPhoto:
    """One photo, ready for the engine."""

    job: Job
    ready: Ready
    sha256: str  # of the photo
    key: str  # of the recipe
    folder: Path  # where the copy goes
    setup: Setup  # what the engine has to hold

    @property
    def order(self) -> Order:
        """What the engine is told."""
        recipe = self.ready.recipe
        about = (self.job.turn, self.job.path, self.sha256, self.folder, self.key)
        return recipe.job(*about, refuse_own=True)


class InFlightPhotos:
    """The photos in the engine's hands, the first given first.

    An engine's death has one cause. A photo that was tried before therefore goes alone, so that a second
    death names the guilty one.
    """

    def __init__(self) -> None:
        self._under_way: dict[int, InFlightPhoto] = {}  # by the job's turn

    def __len__(self) -> int:
        return len(self._under_way)

    def __iter__(self) -> Iterator[InFlightPhoto]:
        return iter(tuple(self._under_way.values()))

    def may_join(self, photo: InFlightPhoto) -> bool:
        """Whether the engine can have this one beside the others.

        Another setup needs another engine; the same content waits to become a copy of what is being made.
        """
        if not self._under_way:
            return True
        others = self._under_way.values()
        return (
            not self._goes_alone(photo)
            and not any(self._goes_alone(other) for other in others)
            and all(other.setup == photo.setup for other in others)
            and all((other.sha256, other.key) != (photo.sha256, photo.key) for other in others)
        )

    def add(self, photo: InFlightPhoto) -> None:
        """The engine has it."""
        self._under_way[photo.job.turn] = photo

    def find(self, number: int) -> InFlightPhoto | None:
        """The photo of the order with this number."""
        return self._under_way.get(number)

    def landed(self, number: int) -> InFlightPhoto | None:
        """Take out the photo that the engine has answered for."""
        return self._under_way.pop(number, None)

    def lost(self) -> list[InFlightPhoto]:
        """Take out all, since their engine is no more."""
        all_of_them = list(self)
        self._under_way.clear()
        return all_of_them

    @staticmethod
    def _goes_alone(photo: InFlightPhoto) -> bool:
        return photo.job.attempts > 1
