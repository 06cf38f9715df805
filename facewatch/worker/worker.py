"""The worker: takes photos in, gives them to the engine, and settles each result."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from facewatch.engine.lifecycle import EngineLifecycle, MakeEngine
from facewatch.engine.messages import Progress, RestoreFailure, RestoreResult
from facewatch.engine.process import to_error
from facewatch.errors import EngineFailed, FacewatchError, Unexpected
from facewatch.models.files import ModelFiles
from facewatch.settings.schema import Settings
from facewatch.state.alerts import Alerts
from facewatch.state.ledger import DamagedLedger, Job, Ledger
from facewatch.system.atomic import lack_of_resources
from facewatch.system.strays import remove_stray_temporaries
from facewatch.worker.batch import Batch
from facewatch.worker.commit import Committer
from facewatch.worker.failures import Failures
from facewatch.worker.in_flight import InFlightPhoto, InFlightPhotos
from facewatch.worker.inbox import Inbox
from facewatch.worker.prepare import Preparer
from facewatch.worker.previews import Previews
from facewatch.worker.readiness import Readiness
from facewatch.worker.recovery import finish_if_published
from facewatch.worker.rest import Rest

log = logging.getLogger(__name__)

IDLE_SECONDS = 1.0  # the longest wait before pause, settings and due retries are checked again
MOST_PREPARED = 64  # photos in one turn: those that need no engine, such as duplicates, do not fill it


class Worker:
    """Takes settled files into the ledger, and works through the ledger."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        ledger: Ledger,
        alerts: Alerts,
        settings: Callable[[], Settings],
        model_files: Callable[[], ModelFiles],
        readiness: Readiness,
        root_of: Callable[[Path], Path | None],
        make_engine: MakeEngine,
        previews: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._ledger = ledger
        self._alerts = alerts
        self._settings = settings
        self._readiness = readiness
        self._preparer = Preparer(ledger, readiness, model_files, settings, root_of)
        self._committer = Committer(ledger)
        self._engine = EngineLifecycle(make_engine, ledger, self._preparer.note_kinds, clock)
        self._in_flight = InFlightPhotos()
        self._next: InFlightPhoto | None = None  # prepared, but it may not join the others in the engine
        self._failures = Failures(inbox, ledger, alerts, readiness, root_of=root_of, clock=clock)
        self._batch = Batch(ledger, clock, keep_awake=lambda: settings().engine.keep_awake)
        self.rest = Rest(ledger, self._engine, readiness.known_device, clock=clock)
        self.previews = Previews(previews, ledger, readiness, model_files, settings)
        self._stopping = threading.Event()
        self.damaged_ledger: DamagedLedger | None = None  # the error that ended `run`
        self._unsettled: dict[int, Job] = {}  # by turn: started, and their result is not in the ledger

    def run(self) -> None:
        """Work until `stop`, or until the ledger is damaged (`damaged_ledger`); the body of the thread."""
        try:
            try:
                self._work()
            finally:
                self._end()
        except DamagedLedger as error:
            self.damaged_ledger = error

    def _work(self) -> None:
        while not self._stopping.is_set():
            busy = False
            try:
                busy = self.turn()
            except DamagedLedger:
                raise
            except FacewatchError as error:  # the ledger cannot be written: its disk is full
                self._failures.hold("ledger", error)
            except OSError as error:  # whatever the system refused may work again later
                log.exception("a turn of the worker has failed")
                self._failures.hold("engine", Unexpected(f"{type(error).__name__}: {error}"))
            if self._failures.holding:
                self._stopping.wait(IDLE_SECONDS)  # the inbox may hold files that must wait
            elif not busy:
                self._inbox.wait(IDLE_SECONDS)

    def stop(self) -> None:
        """End `run` soon, from any thread; photos in work go back into the queue."""
        self._stopping.set()
        self._inbox.wake()
        self._engine.kill()

    def turn(self) -> bool:
        """Take in settled files, give the engine photos, receive results; False if there is nothing to do.

        Raises DiskFull or BadLedger if the ledger cannot be written.
        """
        if self._failures.holding:
            self._put_back()
            if self._in_flight:  # the photos in the engine are finished, and leave no temporaries
                self._receive()
            self._batch.look(working=len(self._in_flight) > 0, held=True)
            return len(self._in_flight) > 0
        for job in tuple(self._unsettled.values()):
            self._give_back(job)
        took = self._take_in()
        settings = self._settings()
        if not self._in_flight:
            self.previews.draw_next(self._engine)
            self._engine.close_when_idle(self.rest.engine_seconds(settings))
        resting = bool(self.rest.reason(settings))
        if resting:
            self._put_back()
        prepared = 0 if resting else self._fill(settings)
        self._batch.look(working=len(self._in_flight) > 0, held=resting)
        if self._in_flight:
            self._receive()
        busy = any((took, prepared, self._in_flight, self._next, self.previews.waiting))
        if not (busy or resting):
            self._failures.idle()
        return busy

    def has_work(self) -> bool:
        """Return True if another `turn` would find a photo to work on now."""
        if self._in_flight or self.previews.waiting:
            return True
        settings = self._settings()
        if self.rest.reason(settings) or self._failures.holding:
            return False
        return self._next is not None or self._ledger.next([*self._readiness.folders(settings)]) is not None

    def _take_in(self) -> bool:
        with self._inbox.handing_over() as settled:
            return bool(settled) and self._ledger.queue_many(settled) > 0

    def _fill(self, settings: Settings) -> int:
        """Give the engine as many photos as it takes; return how many were prepared."""
        for count in range(MOST_PREPARED):
            if self._is_full() or (self._next is None and not self._prepare_next(settings)):
                return count
            photo = self._next
            if photo is None:
                continue  # it reached its end without the engine
            if not self._in_flight.may_join(photo) or self.rest.reason(settings, photo_waits=True):
                return count
            self._next = None
            self._launch(photo)
        return MOST_PREPARED

    def _put_back(self) -> None:
        if self._next is not None:  # after the wait, the settings of that time apply to it
            self._ledger.give_back(self._next.job)
            self._next = None

    def _is_full(self) -> bool:
        halted = self._stopping.is_set() or self._failures.holding or self.previews.waiting
        return halted or not self._engine.takes(len(self._in_flight))

    def _prepare_next(self, settings: Settings) -> bool:
        """Prepare the next photo into `_next`, if it needs the engine; False if there is none."""
        ready = self._readiness.folders(settings)
        job = self._ledger.next(list(ready), untried_first=self._failures.retries_last)
        started = None if job is None else self._ledger.start(job)
        if started is None:
            return False
        with self._recorded(started):
            self._next = self._preparer.prepare(started, ready[started.folder])
        return True

    def _launch(self, photo: InFlightPhoto) -> None:
        with self._recorded(photo.job):
            if self._committer.copy_duplicate(photo):
                return
            if not self._in_flight:
                self._engine.load(photo.setup, photo.ready.recipe.engine.timeout_seconds)
            self._in_flight.add(photo)
            try:
                self._engine.submit(photo.order)
            except EngineFailed as error:
                self._crashed(error)
                return
            self._batch.show(photo.job.path)

    def _receive(self) -> None:
        try:
            message = self._engine.receive(IDLE_SECONDS)
        except EngineFailed as error:
            self._crashed(error)
            return
        if isinstance(message, Progress):
            if (photo := self._in_flight.find(message.number)) is not None:
                self._batch.show(photo.job.path, message)
        elif message is not None:
            self._settle(message)

    def _settle(self, outcome: RestoreResult | RestoreFailure) -> None:
        photo = self._in_flight.pop(outcome.number)
        if photo is None:
            log.warning("the engine returned a photo that it was not given: %s", outcome.number)
            return
        with self._recorded(photo.job):
            if isinstance(outcome, RestoreFailure):
                raise to_error(outcome)
            self._failures.passed(photo.job, restored=not outcome.adopted)
            self._committer.commit(photo, outcome, self._engine.device)
            self._failures.published()
        if not self._in_flight:
            self._ledger.forget("current")

    def _failed(self, job: Job, error: FacewatchError) -> None:
        if self._stopping.is_set():
            self._give_back(job)
            return
        if finish_if_published(self._ledger, job):
            log.warning("%s: failed after its copy was published: %s", job.path, error)
            return
        decision = self._failures.judge(job, error)
        self._unsettled.pop(job.turn, None)  # even if ending the engine fails
        if decision.new_engine:
            for photo in self._end_engine():
                self._give_back(photo.job)

    def _give_back(self, job: Job) -> None:
        if not finish_if_published(self._ledger, job):
            self._ledger.give_back(job)
        self._unsettled.pop(job.turn, None)

    @contextmanager
    def _recorded(self, job: Job) -> Iterator[None]:
        """Record the result of a started photo in the ledger, whatever the block raises.

        Raises DiskFull or BadLedger if the ledger cannot be written; the next turn then records it.
        """
        self._unsettled[job.turn] = job
        try:
            yield
        except FacewatchError as error:
            self._failed(job, error)
        except OSError as error:  # a problem with one photo's folder or disk must not stop the others
            log.exception("%s", job.path)
            self._failed(job, lack_of_resources(error) or Unexpected(f"{type(error).__name__}: {error}"))
        self._unsettled.pop(job.turn, None)

    def _crashed(self, error: EngineFailed) -> None:
        """Find the culprit after the engine died or was killed."""
        lost = self._end_engine()
        if self._stopping.is_set():
            for photo in lost:
                self._give_back(photo.job)
            return
        self._alerts.record_incident(f"{error}: a new engine replaces it")
        self._failures.suspect(photo.job for photo in lost)
        if len(lost) == 1:
            with self._recorded(lost[0].job):
                raise error
            return
        log.warning("each of the %d photos in the engine is tried again alone", len(lost))
        for photo in lost:
            self._ledger.retry(photo.job, str(error), type(error).__name__, 0)
            self._unsettled.pop(photo.job.turn, None)

    def _end_engine(self) -> list[InFlightPhoto]:
        """End the engine and return the photos that were in it, which are unsettled from now on."""
        lost = self._in_flight.pop_all()
        self._unsettled |= {photo.job.turn: photo.job for photo in lost}
        self._engine.close()
        for folder in {photo.folder for photo in lost}:
            remove_stray_temporaries(folder, below=False)
        self._ledger.forget("current")
        return lost

    def _end(self) -> None:
        """End the engine and return all photos in work to the queue."""
        try:
            self._end_engine()
            self._put_back()
            for job in tuple(self._unsettled.values()):
                self._give_back(job)
        except DamagedLedger:
            raise
        except FacewatchError as error:
            log.warning("cannot return photos to the queue: %s; the next start recovers them", error)
