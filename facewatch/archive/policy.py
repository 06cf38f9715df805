"""Decide what follows for a photo from an error; pure functions."""

from __future__ import annotations

from typing import Literal

from facewatch.errors import (
    BadPhoto,
    CannotWrite,
    EngineFailed,
    EngineUnavailable,
    FacewatchError,
    SourceGone,
    StoreUnavailable,
    TooManyOpenFiles,
    Unreadable,
)

TRIES = 3  # of a photo on which networks or device failed, each on the next free worker
DEATHS = 3  # of workers, after which the photo they held is poison

HOLDS = 8  # of one photo, after which it failed, if others passed meanwhile
LONGEST_WAIT_SECONDS = 60.0
_HOLDING = (StoreUnavailable, CannotWrite, EngineUnavailable, TooManyOpenFiles, Unreadable)  # and DiskFull

Fate = Literal["hold", "suspect", "again"]


def is_final(error: FacewatchError, tries: int) -> bool:
    """Return whether a photo that met this error ends as failed.

    tries  how often it had failed before
    """
    if isinstance(error, BadPhoto | SourceGone) and not isinstance(error, Unreadable):
        return True
    return fate_of(error) == "again" and tries + 1 >= TRIES


def fate_of(error: FacewatchError) -> Fate:
    """Return what happens to a photo that a worker gives back.

    "hold": store or disk are at fault, all wait; "suspect": a worker's engine died with it; "again": it is
    tried on another worker.
    """
    if isinstance(error, _HOLDING):
        return "hold"
    return "suspect" if isinstance(error, EngineFailed) else "again"


def wait_seconds(count: int) -> float:
    """Return how long to wait after `count` failures in a row, at least 1: 1, 2, 4, ... seconds."""
    return min(LONGEST_WAIT_SECONDS, 2.0 ** min(count - 1, 10))  # a week of failures is no overflow
