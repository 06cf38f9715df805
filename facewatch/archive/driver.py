"""Driver of an archive's run: hands photos to workers, and writes what became of them into the manifest."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from facewatch.archive.manifest import DoneIndex, Manifest
from facewatch.archive.photo import empty_row
from facewatch.archive.policy import wait_seconds
from facewatch.archive.pool import Answered, CannotStart, Died, Event, Pool, Ready
from facewatch.archive.progress import Progress
from facewatch.archive.store import Store
from facewatch.archive.task_queue import TaskQueue
from facewatch.archive.types import Finished, Listed, Row, Task, WorkPlan
from facewatch.errors import EngineUnavailable, FacewatchError, StoreUnavailable

log = logging.getLogger(__name__)

START_FAILURES = 3  # in a row, before any worker was ready: the run cannot work
PATIENCE_SECONDS = 3600.0  # without any photo finished
WAIT_SECONDS = 0.5
QUIET_SECONDS = 30.0  # without any photo finished, before the reason is shown
FIRST_PHOTOS = 4  # for a worker that has not said yet how many it wants: one for each stage of an engine


@dataclass
class Stop:
    """Asks a run to finish what is in work, and end."""

    asked: bool = False


@dataclass
class _Clocks:
    """Times of the driver, monotonic seconds."""

    finished: float  # when a photo was last finished
    flush_after: float = 0.0
    flush_failures: int = 0
    starts_failed: int = 0
    begin_after: float = 0.0
    last_hold: str = ""
    ready: set[str] = field(default_factory=set)


class Driver:
    """One run, in one thread."""

    def __init__(
        self,
        plan: WorkPlan,
        pool: Pool,
        manifest: Manifest,
        source: Store,
        *,
        done: DoneIndex,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_row: Callable[[Row], None] = lambda _: None,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Store what the run works with; `run` does it.

        on_row  called with each row once the manifest holds it
        """
        self._plan = plan
        self._pool = pool
        self._manifest = manifest
        self._done = done
        self._on_progress = on_progress
        self._on_row = on_row
        self._patience = patience_seconds
        self._clock = clock
        self._sleep = sleep
        self.progress = Progress(began=clock())
        self._queue = TaskQueue(self._left(source))
        self._running: set[str] = set()  # begun workers
        self._free: dict[str, int] = {}  # workers that can be given photos -> how many they want to hold
        self._numbers = itertools.count(1)
        self._clocks = _Clocks(finished=clock())

    def _left(self, source: Store) -> Iterator[Listed]:
        """Yield the photos to do; a listing that fails later on ends there, and the figures say so."""
        try:
            for photo in source.photos():
                self.progress.listed += 1
                if photo in self._done:
                    self.progress.done_before += 1
                else:
                    yield photo
        except StoreUnavailable as error:
            if not self.progress.listed:
                raise
            log.warning("not all photos are listed: %s", error)
            self.progress.unlisted = str(error)

    def run(self, stop: Stop | None = None) -> Progress:
        """Restore every photo that is not done yet; return the figures of the run.

        stop  ends the run early, with nothing lost

        Raises EngineUnavailable when no worker can start, StoreUnavailable when nothing was finished for
        `patience_seconds`, and what a listing raises. The manifest holds every finished photo then too.
        """
        stop = stop or Stop()
        try:
            while not (self._queue.empty or (stop.asked and not self._in_work())):
                self._staff(stop)
                if not stop.asked:
                    self._hand_out()
                self._ask()
                for event in self._pool.wait(WAIT_SECONDS):
                    self._take(event)
                self._flush()
                self._check_patience()
                self._show()
            for worker in tuple(self._running):
                self._end(worker)
        except BaseException:
            self._write_part()  # tried once: the copies of lost rows are found again
            raise
        self._flush_last()
        return self.progress

    def _show(self) -> None:
        now, progress = self._clock(), self.progress
        progress.workers = len(self._clocks.ready)
        progress.seconds = now - progress.began
        quiet = now - self._clocks.finished > QUIET_SECONDS
        progress.waiting = self._reason if quiet and (self._clocks.last_hold or not progress.workers) else ""
        self._on_progress(progress)

    @property
    def _reason(self) -> str:
        """Why nothing is finished."""
        return self._clocks.last_hold or ("no worker answered" if self._running else "no machine has room")

    def _in_work(self) -> bool:
        return any(self._queue.held_by(worker) for worker in self._running)

    def _staff(self, stop: Stop) -> None:
        """Start as many workers as there is room for, and end those that there is none for any more."""
        if stop.asked or self._clock() < self._clocks.begin_after:
            return
        capacity = self._pool.capacity()
        while len(self._running) < capacity:
            worker = f"{self._plan.run}-w{next(self._numbers)}"
            self._running.add(worker)
            self._pool.begin(worker)
        starting = [worker for worker in self._running if worker not in self._clocks.ready]
        for worker in starting[: max(0, len(self._running) - capacity)]:
            self._end(worker)

    def _hand_out(self) -> None:
        now = self._clock()
        for worker, wants in tuple(self._free.items()):
            if tasks := self._queue.take(worker, wants, now):
                self._pool.give(worker, tasks)
                del self._free[worker]

    def _ask(self) -> None:
        """Ask the workers that hold photos, and were given none now, for results."""
        for worker in [each for each in self._free if self._queue.held_by(each)]:
            self._pool.give(worker, ())
            del self._free[worker]

    def _end(self, worker: str) -> None:
        self._pool.end(worker)
        self._queue.gone(worker)
        self._forget(worker)

    def _forget(self, worker: str) -> None:
        self._running.discard(worker)
        self._free.pop(worker, None)
        self._clocks.ready.discard(worker)

    def _take(self, event: Event) -> None:
        if isinstance(event, Ready):
            log.info("%s is ready: %s", event.worker, event.device)
            self._clocks.ready.add(event.worker)
            self._clocks.starts_failed = 0
            self._free[event.worker] = FIRST_PHOTOS
        elif isinstance(event, Answered):
            self._take_answer(event)
        elif isinstance(event, Died):
            self._take_death(event)
        else:
            self._take_start_failure(event)

    def _take_death(self, event: Died) -> None:
        log.warning("%s has died: %s", event.worker, event.reason)
        self._clocks.last_hold = f"{event.worker} died: {event.reason}"
        if event.worker not in self._clocks.ready:  # the next one may die of the same while it starts
            self._wait_to_begin()
        self._forget(event.worker)
        self.progress.deaths += 1
        for task in self._queue.died(event.worker):
            self._set_aside(task, event.worker, "a worker", event.reason)

    def _take_start_failure(self, event: CannotStart) -> None:
        self._forget(event.worker)
        log.warning("%s cannot start: %s", event.worker, event.reason)
        self._wait_to_begin()
        if self._clocks.starts_failed >= START_FAILURES and not self._clocks.ready:
            raise EngineUnavailable(f"no worker can start: {event.reason}")

    def _wait_to_begin(self) -> None:
        clocks = self._clocks
        clocks.starts_failed += 1
        clocks.begin_after = self._clock() + wait_seconds(clocks.starts_failed)

    def _take_answer(self, event: Answered) -> None:
        worker = event.worker
        for result in event.reply.results:
            if isinstance(result, Finished):
                self._queue.finished(worker, result)
                self._add(result.row)
                continue
            log.info("%s gives photo %d back: %s", worker, result.number, result.reason)
            lost = self._queue.returned(worker, result, self._clock())
            self._clocks.last_hold = result.reason
            if lost is not None and lost.deaths:
                self._set_aside(lost, worker, "the engine", result.reason)
            elif lost is not None:
                self._fail(lost, worker, result.error, result.reason)
        self._free[worker] = event.reply.wants

    def _set_aside(self, task: Task, worker: str, what: str, reason: str) -> None:
        text = f"set aside: {what} died {task.deaths} times with it; the last time: {reason}"
        log.warning("%s: %s", task.photo.name, text)
        self._fail(task, worker, "Poison", text)

    def _fail(self, task: Task, worker: str, error: str, reason: str) -> None:
        about = {"outcome": "failed", "error": error, "reason": reason}
        self._add(empty_row(self._plan, task, **about, worker=worker))

    def _add(self, row: Row) -> None:
        self._manifest.add(row)
        self._clocks.finished, self._clocks.last_hold = self._clock(), ""
        self.progress.add(row)
        self._on_row(row)

    def _flush(self) -> None:
        """Write a part if it is due; a store that fails is tried again later."""
        if self._manifest.due and self._clock() >= self._clocks.flush_after:
            self._write_part()

    def _flush_last(self) -> None:
        """Write the last part, however long the store takes."""
        while self._manifest.waiting:
            self._sleep(max(0.0, self._clocks.flush_after - self._clock()))
            self._write_part()
            self._check_patience()

    def _write_part(self) -> None:
        clocks = self._clocks
        try:
            self._manifest.flush()
            clocks.flush_failures = 0
        except FacewatchError as error:
            clocks.flush_failures += 1
            clocks.flush_after = self._clock() + wait_seconds(clocks.flush_failures)
            clocks.last_hold = str(error)
            log.warning("the manifest is written later: %s", error)

    def _check_patience(self) -> None:
        waited = self._clock() - self._clocks.finished
        if waited > self._patience:
            raise StoreUnavailable(
                f"no photo was finished for {waited / 60:.0f} minutes; the last reason: "
                f"{self._reason}; the same command continues the run"
            )
