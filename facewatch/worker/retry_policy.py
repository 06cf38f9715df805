"""The retry policy: pure functions of a photo's error and history."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from facewatch.errors import (
    BadCheckpoint,
    BadPhoto,
    CannotWrite,
    CheckpointMissing,
    DeviceFailed,
    DiskFull,
    EngineFailed,
    EngineUnavailable,
    FacewatchError,
    ModelAwaited,
    NetworkFailed,
    NotAPhoto,
    OutOfMemory,
    OwnOutput,
    SourceChanged,
    SourceGone,
    TooLittleMemory,
    TooManyOpenFiles,
    TruncatedPhoto,
    Unexpected,
    Unreadable,
)

UNFINISHED_SECONDS = (30.0, 120.0, 600.0, 3600.0)  # a file that ends early may still be arriving
AGAIN_SECONDS = (5.0, 60.0)
MODEL_WAIT_SECONDS = 10.0
NO_ENGINE_SECONDS = 30.0
ROOM_WAIT_SECONDS = 30.0  # of a photo that needs more room or file handles than there are, while others go on
DOWN_AFTER = 3  # different photos in a row
FULL_AFTER = 2
LONGEST_HOLD_SECONDS = {"disk": 60.0, "ledger": 60.0, "engine": 300.0}

_ENGINE_ERRORS = (EngineFailed, DeviceFailed, NetworkFailed, OutOfMemory, TooLittleMemory, Unexpected)
_DEVICE_ERRORS = (DeviceFailed, OutOfMemory)  # all faces have one size: another program fills the card


@dataclass(frozen=True)
class RetryDecision:
    """The decision about one failed photo, and about the engine."""

    what: Literal["retry", "later", "park", "poison", "skip", "give back", "look again"]
    after_seconds: float = 0.0  # "later": 0 means longer than the hold
    new_engine: bool = False  # the engine may be poisoned: the next photo gets a fresh one
    hold_place: str | None = None  # no photo is to blame: all wait, and status shows this place
    rests: bool = False  # the folder's models cannot be used: only its photos wait
    level: int = logging.WARNING


_SIMPLE: tuple[tuple[tuple[type[FacewatchError], ...], RetryDecision], ...] = (
    ((OwnOutput, NotAPhoto), RetryDecision("skip", level=logging.INFO)),
    ((SourceChanged, SourceGone), RetryDecision("look again", level=logging.INFO)),
    ((TooManyOpenFiles,), RetryDecision("later", after_seconds=ROOM_WAIT_SECONDS, new_engine=True)),
    ((ModelAwaited,), RetryDecision("later", after_seconds=MODEL_WAIT_SECONDS, level=logging.INFO)),
    (
        (EngineUnavailable, CheckpointMissing, BadCheckpoint),
        RetryDecision("later", after_seconds=NO_ENGINE_SECONDS, new_engine=True, rests=True),
    ),
)
"""Decisions about errors that need nothing but their class."""


class FailureStreak:
    """The photos on which the engine failed, and those outdone by a success since."""

    def __init__(self) -> None:
        self._in_a_row: set[int] = set()  # the photos' ids
        self._outdone: set[int] = set()  # failed, and then another photo was restored
        self._no_room: set[int] = set()  # had no room on the disk, and no other photo had since
        self._suspects: set[int] = set()  # were in an engine that died or hung, and not restored since

    @property
    def down(self) -> bool:
        """True if so many different photos failed in a row that the engine is to blame."""
        return len(self._in_a_row) >= DOWN_AFTER

    @property
    def suspecting(self) -> bool:
        """True if photos are to be tried again that may cost an engine, and all the time it may take."""
        return bool(self._suspects)

    def suspect(self, photos: Iterable[int]) -> None:
        """Count photos that were in an engine when it died, or did not answer in time."""
        self._suspects.update(photos)

    def gave_up(self, photo: int) -> None:
        """Count a photo that is not tried again."""
        self._suspects.discard(photo)

    @property
    def full(self) -> bool:
        """True if different photos in a row had no room: the disk is to blame, not one photo's size."""
        return len(self._no_room) >= FULL_AFTER

    def had_no_room(self, photo: int) -> bool:
        """Return True if this photo had no room before, and no other had since."""
        return photo in self._no_room

    def published(self) -> None:
        """Count a photo whose copy had room."""
        self._no_room.clear()

    def others_passed(self, photo: int) -> bool:
        """Return True if the engine restored another photo after it failed on this one."""
        return photo in self._outdone

    def failed(self, photo: int, error: FacewatchError) -> None:
        """Count a failure of the engine; other errors say nothing about the engine."""
        if isinstance(error, _ENGINE_ERRORS):
            self._in_a_row.add(photo)
        if isinstance(error, DiskFull):
            self._no_room.add(photo)

    def passed(self, photo: int) -> None:
        """Count a photo that the engine restored."""
        self._suspects.discard(photo)
        self._outdone |= self._in_a_row
        self._outdone.discard(photo)
        self._in_a_row.clear()


def decide(
    error: FacewatchError,
    attempts: int,
    *,
    down: bool = False,
    others_passed: bool = True,
    full: bool = True,
    again: bool = False,
) -> RetryDecision:
    """Decide about one failure.

    attempts       of this photo, including the one that just failed
    down           the engine failed on so many photos in a row that none of them is to blame
    full           several photos in a row had no room; False: this one may only need more than the others
    again          this photo had no room before, and no other had since
    others_passed  the engine restored another photo since it first failed on this one
    """
    for kinds, decision in _SIMPLE:
        if isinstance(error, kinds):
            return decision
    if isinstance(error, DiskFull):
        return _wait_for_room(full=full, again=again)
    if isinstance(error, TruncatedPhoto | Unreadable | CannotWrite):
        return _retry_or(UNFINISHED_SECONDS, attempts, RetryDecision("park"))
    if isinstance(error, BadPhoto):
        return RetryDecision("park")
    return _engine_failure(error, attempts, down=down, others_passed=others_passed)


def _engine_failure(
    error: FacewatchError, attempts: int, *, down: bool, others_passed: bool
) -> RetryDecision:
    if down or (isinstance(error, _DEVICE_ERRORS) and not others_passed):
        return RetryDecision("later", new_engine=True, hold_place="engine")
    if isinstance(error, TooLittleMemory):  # other programs may give some back
        return _retry_or(UNFINISHED_SECONDS, attempts, RetryDecision("park"))
    return _retry_or(AGAIN_SECONDS, attempts, RetryDecision("poison", new_engine=True))


def _wait_for_room(*, full: bool, again: bool) -> RetryDecision:
    """A photo that needs more room than there is waits alone; on a full disk all wait, and take turns."""
    if full and not again:
        return RetryDecision("give back", hold_place="disk")
    return RetryDecision("later", after_seconds=ROOM_WAIT_SECONDS, hold_place="disk" if full else None)


def _retry_or(delays: tuple[float, ...], attempts: int, last: RetryDecision) -> RetryDecision:
    if attempts > len(delays):
        return last
    return RetryDecision("retry", after_seconds=delays[attempts - 1], new_engine=last.new_engine)
