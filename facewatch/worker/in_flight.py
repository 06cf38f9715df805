"""The photos in the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from facewatch.engine.messages import RestoreRequest as Order
from facewatch.restoration.options import Setup
from facewatch.state.ledger import Job
from facewatch.worker.readiness import Ready
from facewatch.worker.retry_policy import UNFINISHED_SECONDS


@dataclass(frozen=True)
class InFlightPhoto:
    """One photo, ready for the engine."""

    job: Job
    ready: Ready
    sha256: str  # of the photo
    key: str  # of the recipe
    folder: Path  # where the copy goes
    setup: Setup  # what the engine has to hold
    existing: dict[Path, str] = field(default_factory=dict)  # copies that a lost ledger listed, with recipes

    @property
    def order(self) -> Order:
        """Return the request for the engine."""
        recipe = self.ready.recipe
        about = (self.job.turn, self.job.path, self.sha256, self.folder, self.key)
        settled = self.job.attempts > len(UNFINISHED_SECONDS) or self.job.wishes is not None
        refuse_own = self.job.wishes is None  # a redo was asked for
        existing = [str(copy) for copy in self.existing]
        output = self.ready.folder.output
        return recipe.job(*about, refuse_own=refuse_own, settled=settled, existing=existing, output=output)


class InFlightPhotos:
    """The photos in the engine, in the order in which it got them.

    A crash of the engine has one cause. A photo that failed before therefore goes alone, so that a second
    crash identifies the culprit.
    """

    def __init__(self) -> None:
        self._photos: dict[int, InFlightPhoto] = {}  # by the job's turn

    def __len__(self) -> int:
        return len(self._photos)

    def __iter__(self) -> Iterator[InFlightPhoto]:
        return iter(tuple(self._photos.values()))

    def may_join(self, photo: InFlightPhoto) -> bool:
        """True if the engine can take this photo beside the others.

        Another setup needs another engine; a duplicate waits until it can be copied from the finished photo.
        """
        if not self._photos:
            return True
        others = self._photos.values()
        return (
            not self._goes_alone(photo)
            and not any(self._goes_alone(other) for other in others)
            and all(other.setup == photo.setup for other in others)
            and all((other.sha256, other.key) != (photo.sha256, photo.key) for other in others)
        )

    def add(self, photo: InFlightPhoto) -> None:
        """Add a photo that the engine got."""
        self._photos[photo.job.turn] = photo

    def find(self, number: int) -> InFlightPhoto | None:
        """Return the photo of the request with this number."""
        return self._photos.get(number)

    def pop(self, number: int) -> InFlightPhoto | None:
        """Remove and return the photo that the engine has finished."""
        return self._photos.pop(number, None)

    def pop_all(self) -> list[InFlightPhoto]:
        """Remove and return all photos, because their engine has ended."""
        photos = list(self)
        self._photos.clear()
        return photos

    @staticmethod
    def _goes_alone(photo: InFlightPhoto) -> bool:
        return photo.job.attempts > 1
