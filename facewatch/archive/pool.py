"""Pool of workers as the driver sees it, whatever runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from facewatch.archive.types import Reply, Task


@dataclass(frozen=True)
class Ready:
    """A worker has loaded its networks."""

    worker: str
    device: str  # text for people


@dataclass(frozen=True)
class Answered:
    """A worker has answered, and can be given more."""

    worker: str
    reply: Reply


@dataclass(frozen=True)
class Died:
    """A worker has died, or left with its machine."""

    worker: str
    reason: str


@dataclass(frozen=True)
class CannotStart:
    """A worker could not load its networks."""

    worker: str
    reason: str


Event = Ready | Answered | Died | CannotStart


class Pool(Protocol):
    """Workers on this machine or on a cluster."""

    def capacity(self) -> int:
        """Return how many workers should run now."""
        ...

    def begin(self, worker: str) -> None:
        """Begin to start a worker; `wait` reports it as Ready, or as CannotStart."""
        ...

    def give(self, worker: str, tasks: tuple[Task, ...]) -> None:
        """Give photos to a worker that has answered; none: only ask for results."""
        ...

    def wait(self, seconds: float) -> Sequence[Event]:
        """Return what has happened, after at most `seconds`."""
        ...

    def end(self, worker: str) -> None:
        """End a worker that holds nothing, or has not started yet."""
        ...
