"""What becomes of a photo that could not be restored: a pure function of the error and the attempts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from facewatch.errors import (
    BadCheckpoint,
    BadPhoto,
    CannotWrite,
    CheckpointMissing,
    DiskFull,
    EngineUnavailable,
    FacewatchError,
    ModelAwaited,
    OwnOutput,
    SourceChanged,
    SourceGone,
    TruncatedPhoto,
)

UNFINISHED_SECONDS = (30.0, 120.0, 600.0, 3600.0)  # a file that ends early may still be arriving
AGAIN_SECONDS = (5.0, 60.0)
AWAIT_MODEL_SECONDS = 10.0


@dataclass(frozen=True)
class Verdict:
    """What to do with one failed photo, and with the engine."""

    what: Literal["retry", "park", "poison", "skip", "give back", "look again"]
    after_seconds: float = 0.0
    new_engine: bool = False  # the engine may be poisoned: the next photo gets a fresh one
    hold_place: str | None = None  # no photo is to blame: all wait a while, and status shows this place
    level: int = logging.WARNING


def judge(error: FacewatchError, attempts: int) -> Verdict:  # noqa: PLR0911 - one line a kind of error
    """The verdict on one failure; `attempts` counts the one that just failed."""
    if isinstance(error, OwnOutput):
        return Verdict("skip", level=logging.INFO)
    if isinstance(error, SourceChanged | SourceGone):
        return Verdict("look again", level=logging.INFO)
    if isinstance(error, DiskFull):
        return Verdict("give back", hold_place="disk")
    if isinstance(error, ModelAwaited):
        return Verdict("retry", after_seconds=AWAIT_MODEL_SECONDS, level=logging.INFO)
    if isinstance(error, EngineUnavailable | CheckpointMissing | BadCheckpoint):
        return Verdict("give back", new_engine=True, hold_place="engine")
    if isinstance(error, TruncatedPhoto):
        return _again_or(UNFINISHED_SECONDS, attempts, Verdict("park"))
    if isinstance(error, BadPhoto):
        return Verdict("park")
    if isinstance(error, CannotWrite):
        return _again_or(UNFINISHED_SECONDS, attempts, Verdict("park"))
    return _again_or(AGAIN_SECONDS, attempts, Verdict("poison", new_engine=True))


def _again_or(delays: tuple[float, ...], attempts: int, last: Verdict) -> Verdict:
    if attempts > len(delays):
        return last
    return Verdict("retry", after_seconds=delays[attempts - 1], new_engine=last.new_engine)
