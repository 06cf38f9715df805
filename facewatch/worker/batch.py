"""The batch: the photos that are worked on in one go, for the progress that status and tray show."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from facewatch.engine.messages import Progress
from facewatch.errors import DiskFull
from facewatch.state.alerts import FactStore
from facewatch.state.status import BATCH_KEY
from facewatch.system.sleep import Awake

log = logging.getLogger(__name__)

WHY_AWAKE = "photos are being restored"
QUIET_SECONDS = 8.0  # a batch has ended when nothing was in work for so long


class Batch:
    """Records when the present batch began, and how long its photos had to wait; for the worker's thread."""

    def __init__(
        self,
        facts: FactStore,
        clock: Callable[[], float],
        now: Callable[[], float] = time.time,
        *,
        keep_awake: Callable[[], bool] = lambda: False,
        awake: Awake | None = None,
    ) -> None:
        self._facts = facts
        self._clock = clock
        self._keep_awake = keep_awake
        self._now = now
        self._awake = awake or Awake()
        self._began: float | None = None  # wall clock seconds
        self._idle_since: float | None = None  # clock seconds
        self._idle_seconds = 0.0
        self._kept = False  # awake

    def look(self, *, working: bool, held: bool) -> None:
        """Record what a turn of the worker found, and keep the computer awake during a batch if it is wanted.

        working  photos are in work
        held     no photo may start: paused, or waiting for the disk or the engine
        """
        self._record(working=working, held=held)
        wanted = self._keep_awake() and self._began is not None and (working or not held)
        if wanted != self._kept:
            self._kept = wanted
            if not self._awake.want(WHY_AWAKE, wanted=wanted):
                log.warning("the system does not let facewatch keep the computer awake")

    def show(self, path: Path, progress: Progress | None = None) -> None:
        """Record the photo in work, and how far it is."""
        counts = {"done": progress.done, "total": progress.total, "what": progress.what} if progress else {}
        with suppress(DiskFull):  # a failure to show progress must not stop the photo
            self._facts.note("current", {"path": str(path), **counts})

    def _record(self, *, working: bool, held: bool) -> None:
        if self._began is None:
            if working:
                self._began, self._idle_since, self._idle_seconds = self._now(), None, 0.0
                self._save()
        elif working:
            if self._idle_since is not None:
                self._idle_seconds += self._clock() - self._idle_since
                self._idle_since = None
                self._save()
        elif self._idle_since is None:
            self._idle_since = self._clock()
            self._save()
        elif not held and self._clock() - self._idle_since >= QUIET_SECONDS:
            self._began = None
            with suppress(DiskFull):
                self._facts.forget(BATCH_KEY)

    def _save(self) -> None:
        fact = {
            "began": self._began,
            "idle": self._idle_since is not None,
            "idle_seconds": self._idle_seconds,
        }
        with suppress(DiskFull):  # a failure to show progress must not stop the photos
            self._facts.note(BATCH_KEY, fact)
