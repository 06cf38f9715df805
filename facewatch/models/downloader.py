"""Fetches the models that the work waits for: one thread, one file after the other, with back-off."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from facewatch.errors import BadCheckpoint, DiskFull, FacewatchError, LicenceNotAccepted
from facewatch.models.catalogue import Licence
from facewatch.models.files import Progress, State

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 30.0  # doubled at each failure in a row
LONGEST_WAIT_SECONDS = 3600.0
DISK_FULL_WAIT_SECONDS = 60.0
LOOK_SECONDS = 2.0  # how soon a file brought by hand or an accepted licence is noticed
FORGET_SECONDS = 120.0  # a model that nobody has asked for again in this time is wanted no longer
TELL_SECONDS = 1.0  # between two reports of progress
STOP_SECONDS = 5.0


class FetchesModels(Protocol):
    """What the fetcher uses of Checkpoints."""

    def state(self, name: str, /) -> State: ...

    def licence_question(self, name: str, /) -> Licence | None: ...

    def fetch(
        self, name: str, on_progress: Callable[[Progress], None], stop: threading.Event, /
    ) -> object: ...


@dataclass(frozen=True)
class _Wish:
    """One model that is wanted, and how it stands."""

    wanted_at: float  # clock seconds of the last `want`
    state: Literal["queued", "downloading", "waiting", "held"] = "queued"
    failures: int = 0
    due: float = 0.0  # clock seconds
    reason: str = ""
    progress: Progress | None = None
    licence: Licence | None = None


class Downloader:
    """Owns the thread that fetches; `want` and `states` may be called from any thread."""

    def __init__(
        self,
        model_files: FetchesModels,
        on_change: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Store all; `start` acts.

        on_change  called from the fetching thread when a file has come or a state has changed, and about
                   once a second while bytes come
        jitter     0-1, spreads the waits by a quarter either way
        """
        self._model_files = model_files
        self._on_change = on_change
        self._clock = clock
        self._now = now
        self._jitter = jitter
        self._wishes: dict[str, _Wish] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._told_at = float("-inf")
        self._untold = False
        self._thread = threading.Thread(target=self._run, name="fetcher", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, also in the middle of a file (what has come of it is kept); within five seconds."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)

    def want(self, name: str) -> None:
        """Ask for a model; asking again changes nothing, but what is never asked for again is forgotten.

        Raises RuntimeError when the thread has died of a mistake.
        """
        started, ended = self._thread.ident is not None, self._stopping.is_set()
        if started and not ended and not self._thread.is_alive():
            raise RuntimeError("the fetching thread has died; its error is in the log")
        with self._changed:
            wish = self._wishes.get(name)
            self._wishes[name] = replace(wish or _Wish(0.0), wanted_at=self._clock())
            if wish is None:
                self._changed.notify_all()

    def use(self, model_files: FetchesModels) -> None:
        """Fetch from now on through `checkpoints` (other folder or mirror); what waits is tried at once."""
        with self._changed:
            self._model_files = model_files
            for name, wish in self._wishes.items():
                if wish.state != "downloading":
                    self._wishes[name] = _Wish(wish.wanted_at)
            self._changed.notify_all()

    def busy(self) -> bool:
        """Whether a file is coming, or is about to be tried for the first time."""
        with self._changed:
            return any(wish.state in ("queued", "downloading") for wish in self._wishes.values())

    def states(self) -> dict[str, dict[str, Any]]:
        """How each wanted model stands, as plain data; models that are here are not in it.

        state  "queued", "downloading" (done_bytes, total_bytes, bytes_per_second, seconds_left), "waiting"
               (reason, failures, retry_at as a Unix time) or "held" (reason, licence, terms_url, sentence)
        """
        with self._changed:
            return {name: self._as_json(wish) for name, wish in self._wishes.items()}

    def turn(self) -> bool:
        """Look around, and fetch one model that is due; False when none was."""
        with self._changed:
            names = list(self._wishes)
        news = [self._look(name) for name in names]
        if any(news) or self._untold:
            self._tell()
        with self._changed:
            due = [name for name, wish in self._wishes.items() if self._is_due(wish)]
        if not due:
            return False
        self._fetch(due[0])
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self.turn():
                with self._changed:
                    idle = not any(map(self._is_due, self._wishes.values()))
                    if idle and not self._stopping.is_set():
                        self._changed.wait(LOOK_SECONDS)

    def _is_due(self, wish: _Wish) -> bool:
        return wish.state == "queued" or (wish.state == "waiting" and wish.due <= self._clock())

    def _look(self, name: str) -> bool:
        """Drop a wish that is fulfilled or forgotten, free one whose licence is accepted; True for news."""
        with self._changed:
            wish = self._wishes.get(name)
        if wish is None:
            return False
        if self._clock() - wish.wanted_at > FORGET_SECONDS or self._is_here(name):
            with self._changed:
                self._wishes.pop(name, None)
            return True
        if wish.state == "held" and self._licence_question(name) is None:
            self._set(name, state="queued", licence=None, reason="")
            return True
        return False

    def _is_here(self, name: str) -> bool:
        try:
            return self._model_files.state(name) in ("present", "builtin")
        except BadCheckpoint:
            return False  # `fetch` says what is wrong

    def _licence_question(self, name: str) -> Licence | None:
        try:
            return self._model_files.licence_question(name)
        except FacewatchError:
            return None  # `fetch` says what is wrong

    def _fetch(self, name: str) -> None:
        self._set(name, state="downloading", progress=None, reason="")
        self._tell()
        try:
            self._model_files.fetch(name, self._progressed, self._stopping)
        except LicenceNotAccepted as error:
            log.warning("%s", error)
            self._set(name, state="held", reason=str(error), licence=self._licence_question(name))
        except FacewatchError as error:
            self._failed(name, error)
        else:
            log.info("%s is here", name)
            with self._changed:
                self._wishes.pop(name, None)
        self._tell()

    def _failed(self, name: str, error: FacewatchError) -> None:
        if self._stopping.is_set():
            self._set(name, state="queued", progress=None)
            return
        with self._changed:
            failures = self._wishes[name].failures + 1
        wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 20), LONGEST_WAIT_SECONDS)
        if isinstance(error, DiskFull):
            wait = DISK_FULL_WAIT_SECONDS
        wait *= 0.75 + 0.5 * self._jitter()
        log.warning("%s; the next try is in %.0f s", error, wait)
        due = self._clock() + wait
        self._set(name, state="waiting", failures=failures, due=due, reason=str(error), progress=None)

    def _tell(self) -> None:
        try:
            self._on_change()
        except FacewatchError as error:  # the files still come; the next look tells it again
            log.warning("how the models stand cannot be told: %s", error)
            self._untold = True
        else:
            self._untold = False

    def _progressed(self, progress: Progress) -> None:
        self._set(progress.name, progress=progress)
        if self._clock() - self._told_at >= TELL_SECONDS:
            self._told_at = self._clock()
            self._tell()

    def _set(self, name: str, **fields: Any) -> None:
        with self._changed:
            self._wishes[name] = replace(self._wishes[name], **fields)

    def _as_json(self, wish: _Wish) -> dict[str, Any]:
        facts: dict[str, Any] = {"state": wish.state}
        if wish.progress is not None:
            facts["done_bytes"] = wish.progress.done_bytes
            facts["total_bytes"] = wish.progress.total_bytes
            facts["bytes_per_second"] = round(wish.progress.bytes_per_second)
            facts["seconds_left"] = wish.progress.seconds_left
        if wish.reason:
            facts["reason"] = wish.reason
        if wish.state == "waiting":
            facts["failures"] = wish.failures
            facts["retry_at"] = self._now() + max(wish.due - self._clock(), 0.0)
        if wish.licence is not None:
            facts["licence"] = wish.licence.name
            facts["terms_url"] = wish.licence.terms_url
            facts["sentence"] = wish.licence.sentence
        return facts
