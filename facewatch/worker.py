"""The one GPU worker thread: feeds the engine, commits what it made."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from facewatch.board import Board
from facewatch.checkpoints import Checkpoints
from facewatch.delivery import commit, drop, name_for, output_folder, take
from facewatch.engine.current import CurrentEngine, MakeEngine
from facewatch.engine.messages import Advance, Answer, Setup
from facewatch.errors import (
    BadPhoto,
    CheckpointMissing,
    FacewatchError,
    ModelAwaited,
    OwnOutput,
    SourceChanged,
    SourceGone,
    Unexpected,
)
from facewatch.files import copy_to_temporary, sha256_of
from facewatch.inbox import Fingerprint, Inbox
from facewatch.judgement import Verdict, judge
from facewatch.ledger import Job, Ledger
from facewatch.readiness import Readiness, Ready
from facewatch.reports import summary
from facewatch.settings import Settings

log = logging.getLogger(__name__)

IDLE_SECONDS = 1.0  # the longest wait before pause, settings and due retries are looked at again


class Worker:
    """Takes settled files into the ledger, and works through the ledger one photo at a time."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        ledger: Ledger,
        board: Board,
        settings: Callable[[], Settings],
        checkpoints: Callable[[], Checkpoints],
        readiness: Readiness,
        root_of: Callable[[Path], Path | None],
        make_engine: MakeEngine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._ledger = ledger
        self._board = board
        self._settings = settings
        self._checkpoints = checkpoints
        self._readiness = readiness
        self._root_of = root_of
        self._engine = CurrentEngine(make_engine, ledger, board, self._note_kinds, clock)
        self._clock = clock
        self._held_until = clock()
        self._hold_seconds = 0.0
        self._stopping = threading.Event()
        self._unsettled: Job | None = None  # its end could not be written into the ledger

    def run(self) -> None:
        """Work until `stop`; the thread's whole life."""
        try:
            while not self._stopping.is_set():
                try:
                    busy = self.turn()
                except FacewatchError as error:  # the ledger itself cannot be written: its disk is full
                    self._hold("ledger", error)
                    busy = False
                if not busy:
                    self._inbox.wait(IDLE_SECONDS)
        finally:
            self._engine.close()

    def stop(self) -> None:
        """End `run` soon, from any thread; the photo in work goes back into the queue."""
        self._stopping.set()
        self._inbox.wake()
        self._engine.kill()

    def turn(self) -> bool:
        """Take in what has settled and work on one photo; False when there was nothing to do.

        Raises DiskFull or BadLedger when the ledger cannot be written.
        """
        if self._clock() < self._held_until:
            return False
        if self._unsettled is not None:
            self._ledger.give_back(self._unsettled)
            self._unsettled = None
        took = self._take_in()
        settings = self._settings()
        self._engine.close_when_idle(settings.engine.unload_after_minutes * 60)
        if settings.pausing():
            return took
        ready = self._readiness.folders(settings)
        job = self._ledger.next(list(ready))
        if job is None:
            return took
        self._work(job, ready[job.folder])
        return True

    def has_work(self) -> bool:
        """Whether another `turn` would find a photo that can be worked on now."""
        settings = self._settings()
        if settings.pausing() or self._clock() < self._held_until:
            return False
        return self._ledger.next(list(self._readiness.folders(settings))) is not None

    def _take_in(self) -> bool:
        settled = self._inbox.settled()
        found = [(root, item) for item in settled if (root := self._root_of(item.path)) is not None]
        return bool(found) and self._ledger.queue_many(found) > 0

    def _work(self, job: Job, ready: Ready) -> None:
        started = self._ledger.start(job)
        if started is None:
            return
        self._unsettled = started
        try:
            self._restore(started, ready)
        except FacewatchError as error:
            self._judge(started, error)
        except OSError as error:  # one photo's folder or disk must not end the work on all others
            log.exception("%s", started.path)
            self._judge(started, Unexpected(f"{type(error).__name__}: {error}"))
        self._unsettled = None
        self._ledger.forget("current")

    def _restore(self, job: Job, ready: Ready) -> None:
        if job.wishes:
            ready = self._redone(ready, job.wishes)
        sha256 = _content(job)
        if self._ledger.same_content(job, sha256):
            return
        if self._ledger.is_output(sha256, job.path):
            raise OwnOutput("this is a copy that facewatch restored before; it is left as it is")
        key = ready.recipe.key(self._checkpoints())
        self._ledger.hashed(job, sha256, key)
        folder = output_folder(job.path, job.folder, ready.folder.output)
        if self._copy_of_twin(job, sha256, key, ready, folder):
            return
        setup = ready.recipe.setup(self._checkpoints())
        engine = self._engine.get_for(setup, ready.recipe.engine.timeout_seconds)
        order = ready.recipe.job(job.turn, job.path, sha256, folder, refuse_own=True)
        self._show(job, None)
        answer = engine.restore(order, lambda advance: self._show(job, advance))
        self._hold_seconds = 0.0
        self._board.solved("ledger")
        try:
            self._commit(job, answer, ready, folder, engine.device)
        except BaseException:
            drop(answer)
            raise

    def _redone(self, ready: Ready, wishes: dict[str, Any]) -> Ready:
        try:
            return self._readiness.redo(ready, wishes, self._settings())
        except CheckpointMissing as error:
            raise ModelAwaited(str(error)) from error

    def _copy_of_twin(self, job: Job, sha256: str, key: str, ready: Ready, folder: Path) -> bool:
        """Copy what was made from the same bytes by the same recipe, if it is still whole."""
        output, restoration = ready.recipe.plan.output, ready.recipe.plan.restoration
        twin = self._ledger.twin(sha256, key)
        if twin is None or restoration.compare != "none" or restoration.save_crops:
            return False  # the files beside a copy are not on record: they are made anew
        try:
            temporary = copy_to_temporary(twin.output, folder)
        except OSError:
            return False  # moved or deleted: it is made anew
        if sha256_of(temporary) != twin.output_sha256:
            temporary.unlink()
            return False
        wanted = name_for(job.path, folder, output.suffix, twin.output.suffix)
        self._give_name(job, temporary, twin.output_sha256, wanted, twin.report or {}, [])
        return True

    def _commit(self, job: Job, answer: Answer, ready: Ready, folder: Path, device: str) -> None:
        output = ready.recipe.plan.output
        report: dict[str, Any] = {
            "summary": summary(answer.faces),
            "faces": answer.faces,
            "model": ready.recipe.plan.model,
            "weight": ready.recipe.plan.weight,
            "detector": ready.recipe.detector,
            "device": device,
            "seconds": round(answer.seconds, 3),
        }
        if not answer.faces and output.no_faces == "skip":
            drop(answer)
            self._ledger.no_faces(job, report)
            log.info("%s: no faces found, not copied", job.path)
            return
        temporary, sha256, suffix = take(answer, job.path, folder)
        wanted = name_for(job.path, folder, output.suffix, suffix)
        self._give_name(job, temporary, sha256, wanted, report, answer.extras)

    def _give_name(  # noqa: PLR0917 - all of it is one commit
        self,
        job: Job,
        temporary: Path,
        sha256: str,
        wanted: Path,
        report: dict[str, Any],
        extras: list[dict[str, str]],
    ) -> None:
        def announce(name: Path) -> None:
            if not self._ledger.committing(job, name, sha256, temporary, report):
                raise SourceChanged("the photo changed while it was restored")

        try:
            _unchanged(job)
            final = commit(temporary, job.path, wanted, announce, extras)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        end = self._ledger.done if report.get("faces") else self._ledger.no_faces
        end(job, report)
        log.info("%s -> %s: %s", job.path, final, report.get("summary", ""))
        self._board.solved("disk")

    def _judge(self, job: Job, error: FacewatchError) -> None:
        if self._stopping.is_set():
            self._ledger.give_back(job)
            return
        verdict = judge(error, job.attempts)
        log.log(verdict.level, "%s: %s [%s]", job.path, error, verdict.what)
        self._carry_out(verdict, job, error)
        if verdict.new_engine:
            self._engine.close()
        if verdict.hold_place:
            self._hold(verdict.hold_place, error)

    def _hold(self, place: str, error: FacewatchError) -> None:
        self._hold_seconds = min(60.0, max(5.0, self._hold_seconds * 2))
        self._held_until = self._clock() + self._hold_seconds
        self._board.trouble(place, str(error))

    def _carry_out(self, verdict: Verdict, job: Job, error: FacewatchError) -> None:
        reason, name = str(error), type(error).__name__
        if verdict.what == "retry":
            self._ledger.retry(job, reason, name, verdict.after_seconds)
        elif verdict.what == "park":
            self._ledger.park(job, reason, name)
        elif verdict.what == "poison":
            self._ledger.poison(job, reason, name)
        elif verdict.what == "skip":
            self._ledger.skipped(job, reason)
        elif verdict.what == "give back":
            self._ledger.give_back(job)
        else:
            self._ledger.lost(job, reason)
            self._inbox.put(job.path)

    def _note_kinds(self, setup: Setup) -> None:
        """Put on record what the user's own files have turned out to be."""
        files = self._checkpoints()
        if files.is_own(setup.model):
            files.note_kind(setup.model, "face")
        if setup.upscaler is not None and files.is_own(setup.upscaler):
            files.note_kind(setup.upscaler, "upscaler")

    def _show(self, job: Job, advance: Advance | None) -> None:
        how_far = {"done": advance.done, "total": advance.total, "what": advance.what} if advance else {}
        self._ledger.note("current", {"path": str(job.path), **how_far})


def _content(job: Job) -> str:
    """The SHA-256 of the photo, which has to be the file that settled."""
    _unchanged(job)
    try:
        return sha256_of(job.path)
    except OSError as error:
        raise BadPhoto(f"the photo cannot be read: {error.strerror}; check its permissions") from error


def _unchanged(job: Job) -> None:
    try:
        status = job.path.stat()
    except OSError as error:
        raise SourceGone("the photo is no longer there") from error
    if Fingerprint.of(status) != job.fingerprint:
        raise SourceChanged("the photo changed while it was waiting; it is looked at again when it is quiet")
