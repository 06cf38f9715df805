"""Background downloads of the models that photos wait for: one file at a time, with back-off."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from facewatch.errors import BadCheckpoint, DiskFull, DownloadFailed, FacewatchError, LicenceNotAccepted
from facewatch.models.catalogue import Licence
from facewatch.models.download_request import DownloadRequest
from facewatch.models.files import ModelFiles, Progress
from facewatch.system.metered import connection_is_metered

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 30.0  # doubled at each failure in a row
LONGEST_WAIT_SECONDS = 3600.0
DISK_FULL_WAIT_SECONDS = 60.0
METERED_WAIT_SECONDS = 60.0
POLL_SECONDS = 2.0  # how soon a file added by hand or an accepted licence is noticed
FORGET_SECONDS = 120.0  # a request that is not repeated in this time is dropped
REPORT_SECONDS = 1.0  # between two reports of progress
STOP_SECONDS = 5.0


class Downloader:
    """Owns the downloading thread; `want` and `states` may be called from any thread."""

    def __init__(
        self,
        model_files: ModelFiles,
        on_change: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        metered: Callable[[], bool] = connection_is_metered,
    ) -> None:
        """Store the arguments; `start` acts.

        on_change  called in the downloading thread when a file is complete or a state has changed, and about
                   once a second while bytes arrive
        jitter     0-1, spreads the waits by a quarter either way
        """
        self._model_files = model_files
        self._on_change = on_change
        self._clock = clock
        self._now = now
        self._jitter = jitter
        self._metered = metered
        self._requests: dict[str, DownloadRequest] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._reported_at = float("-inf")
        self._report_pending = False
        self._thread = threading.Thread(target=self._run, name="downloader", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread within five seconds, even during a download; received bytes are kept."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)

    def want(self, name: str) -> None:
        """Request a model; the request has to be repeated within FORGET_SECONDS, or it is dropped.

        Raises RuntimeError when the thread has died of an unexpected error.
        """
        started, ended = self._thread.ident is not None, self._stopping.is_set()
        if started and not ended and not self._thread.is_alive():
            raise RuntimeError("the downloading thread has died; its error is in the log")
        with self._changed:
            known = name in self._requests
        request = None if known else self._new_request(name)
        with self._changed:
            request = self._requests.get(name) or request or DownloadRequest(0.0)
            self._requests[name] = replace(request, requested_at=self._clock())
            if not known:
                self._report_pending |= request.state == "held"
                self._changed.notify_all()

    def want_for_settings(self, names: Collection[str]) -> None:
        """Request the models that the settings need, and drop those that they needed before.

        Raises RuntimeError as `want`.
        """
        for name in names:
            self.want(name)
        with self._changed:
            dropped = [
                name for name, request in self._requests.items() if request.by_settings and name not in names
            ]
            for name in dropped:
                del self._requests[name]
            for name in names:
                self._requests[name] = replace(self._requests[name], by_settings=True)
            if dropped:
                self._report_pending = True
                self._changed.notify_all()

    def try_now(self, name: str) -> None:
        """Download a requested model at once that waits for its next try, or was cancelled.

        It is downloaded by a metered connection too.
        """
        with self._changed:
            request = self._requests.get(name)
            if request is not None and request.state in ("waiting", "cancelled"):
                self._requests[name] = DownloadRequest(
                    request.requested_at, by_settings=request.by_settings, asked=True
                )
                self._changed.notify_all()

    def cancel(self, name: str) -> None:
        """Stop the download of a model until `try_now`; received bytes are kept, its photos wait."""
        with self._changed:
            request = self._requests.get(name)
            if request is not None:
                self._requests[name] = replace(request, state="cancelled", progress=None, reason="")
                self._report_pending = True
                self._changed.notify_all()

    def use(self, model_files: ModelFiles) -> None:
        """Switch to `model_files` (another folder or mirror); waiting requests are retried at once."""
        with self._changed:
            self._model_files = model_files
            for name, request in self._requests.items():
                if request.state != "downloading":
                    self._requests[name] = DownloadRequest(
                        request.requested_at, by_settings=request.by_settings
                    )
            self._changed.notify_all()

    def busy(self) -> bool:
        """Return True while a model is downloading or queued for its first try."""
        with self._changed:
            return any(request.state in ("queued", "downloading") for request in self._requests.values())

    def states(self) -> dict[str, dict[str, Any]]:
        """Return the state of each requested model as plain data, without those already downloaded.

        state  "queued", "downloading" (done_bytes, total_bytes, bytes_per_second, seconds_left), "waiting"
               (reason, failures, retry_at as a Unix time), "held" (reason, licence, terms_url, sentence)
               or "cancelled"
        """
        with self._changed:
            return {
                name: request.as_json(self._clock(), self._now()) for name, request in self._requests.items()
            }

    def turn(self) -> bool:
        """Refresh all requests and download one model that is due; return False if none was."""
        with self._changed:
            names = list(self._requests)
        changes = [self._refresh(name) for name in names]
        if any(changes) or self._report_pending:
            self._report()
        with self._changed:
            due = [name for name, request in self._requests.items() if self._is_due(request)]
        for name in due:
            if not self._waits_for_free_bytes(name):
                self._fetch(name)
                return True
        return False

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self.turn():
                with self._changed:
                    idle = not any(map(self._is_due, self._requests.values()))
                    if idle and not self._stopping.is_set():
                        self._changed.wait(POLL_SECONDS)

    def _is_due(self, request: DownloadRequest) -> bool:
        return request.state == "queued" or (request.state == "waiting" and request.due <= self._clock())

    def _refresh(self, name: str) -> bool:
        """Drop a fulfilled or expired request, or queue one whose licence is accepted; return True if so."""
        with self._changed:
            request = self._requests.get(name)
        if request is None:
            return False
        if self._clock() - request.requested_at > FORGET_SECONDS or self._is_downloaded(name):
            with self._changed:
                self._requests.pop(name, None)
            return True
        if request.state == "held" and self._licence_question(name) is None:
            self._set(name, state="queued", licence=None, reason="")
            return True
        return False

    def _is_downloaded(self, name: str) -> bool:
        try:
            return self._model_files.state(name) in ("present", "builtin")
        except BadCheckpoint:
            return False  # `fetch` says what is wrong

    def _new_request(self, name: str) -> DownloadRequest:
        """Return a request that is held if a licence has to be accepted first: a user is asked at once."""
        try:
            self._model_files.require_accepted(name)
        except LicenceNotAccepted as error:
            licence = self._licence_question(name)
            return DownloadRequest(0.0, state="held", reason=str(error), licence=licence)
        except FacewatchError:
            pass  # `fetch` says what is wrong
        return DownloadRequest(0.0)

    def _licence_question(self, name: str) -> Licence | None:
        try:
            return self._model_files.licence_question(name)
        except FacewatchError:
            return None  # `fetch` says what is wrong

    def _waits_for_free_bytes(self, name: str) -> bool:
        """Put a model off if the connection is metered and no user has asked for it; return True if so."""
        with self._changed:
            request = self._requests.get(name)
        if request is None or request.asked or not self._metered():
            return False
        reason = f"this connection is metered; `facewatch models pull {name}` downloads it all the same"
        due = self._clock() + METERED_WAIT_SECONDS
        self._set(name, state="waiting", due=due, reason=reason)
        if request.reason != reason:
            log.info("%s is not downloaded: %s", name, reason)
            self._report()
        return True

    def _fetch(self, name: str) -> None:
        self._set(name, state="downloading", progress=None, reason="")
        self._report()
        try:
            self._model_files.fetch(name, self._on_progress, lambda: self._is_stopped(name))
        except LicenceNotAccepted as error:
            log.warning("%s", error)
            self._set(name, state="held", reason=str(error), licence=self._licence_question(name))
        except FacewatchError as error:
            self._schedule_retry(name, error)
        else:
            log.info("%s is downloaded", name)
            with self._changed:
                self._requests.pop(name, None)
        self._report()

    def _is_stopped(self, name: str) -> bool:
        """Return True if the running download should end: it was cancelled, or no setting needs it now."""
        with self._changed:
            request = self._requests.get(name)
        return self._stopping.is_set() or request is None or request.state != "downloading"

    def _schedule_retry(self, name: str, error: FacewatchError) -> None:
        if self._stopping.is_set():
            self._set(name, state="queued", progress=None)
            return
        if self._is_stopped(name):
            return
        with self._changed:
            request = self._requests.get(name)
            failures = (request.failures if request else 0) + 1
        wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 20), LONGEST_WAIT_SECONDS)
        if isinstance(error, DiskFull):
            wait = DISK_FULL_WAIT_SECONDS
        wait *= 0.75 + 0.5 * self._jitter()
        log.warning("%s; next try in %.0f s", error, wait)
        due = self._clock() + wait
        reason = error.cause if isinstance(error, DownloadFailed) else str(error)
        self._set(name, state="waiting", failures=failures, due=due, reason=reason, progress=None)

    def _report(self) -> None:
        try:
            self._on_change()
        except FacewatchError as error:  # downloads continue; the next turn reports again
            log.warning("the state of the downloads cannot be recorded: %s", error)
            self._report_pending = True
        else:
            self._report_pending = False

    def _on_progress(self, progress: Progress) -> None:
        self._set(progress.name, progress=progress)
        if self._clock() - self._reported_at >= REPORT_SECONDS:
            self._reported_at = self._clock()
            self._report()

    def _set(self, name: str, **fields: Any) -> None:
        """Change a request, unless it was dropped or cancelled meanwhile."""
        with self._changed:
            request = self._requests.get(name)
            if request is not None and request.state != "cancelled":
                self._requests[name] = replace(request, **fields)
