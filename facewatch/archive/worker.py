"""Worker of an archive's run: one engine that keeps its networks; threads fetch and publish beside it."""

from __future__ import annotations

import os
import queue
import shutil
import socket
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from facewatch import __version__
from facewatch.archive.model_cache import place_models
from facewatch.archive.photo import Fetched, PhotoSteps
from facewatch.archive.policy import fate_of, is_final
from facewatch.archive.store import open_store
from facewatch.archive.types import Finished, Reply, Returned, Task, WorkPlan
from facewatch.engine.messages import RestoreFailure, RestoreResult
from facewatch.engine.process import EngineProcess, to_error
from facewatch.engine.stages import as_facewatch_error
from facewatch.errors import DeviceFailed, EngineFailed, EngineUnavailable, FacewatchError
from facewatch.system.processes import is_still_running, mark_of

AHEAD_SECONDS = 2.0  # of work that a worker holds beside what its engine holds
MOST_HELD = 64  # photos: what the death of a worker costs at most
REPLY_SECONDS = 1.0  # at the latest; the driver then knows that the worker lives
LINGER_SECONDS = 0.1  # a reply with a result waits so long for more
SCRATCH_PREFIX = "facewatch-archive-"


class Worker:
    """Restores photos until it is told to end; a Ray actor, or a plain object in tests."""

    def __init__(self, plan: WorkPlan, name: str) -> None:
        """Store the plan; `start` loads the networks."""
        self._plan = plan
        self._name = name
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Finished | Returned] = queue.SimpleQueue()
        self._held = 0
        self._rate = 0.0  # photos a second, a moving mean
        self._replied = time.monotonic()
        self._window = 1

    def start(self, models: dict[str, bytes]) -> str:
        """Load the networks, and return the device as text for people.

        models  the bytes of each model file, for a machine that has none

        Raises EngineFailed, BadCheckpoint, NoSuchDevice, CannotWrite, StoreUnavailable, and EngineUnavailable
        on a machine with another version of facewatch.
        """
        if self._plan.version != __version__:
            raise EngineUnavailable(
                f"{socket.gethostname()} has facewatch {__version__}, and the run was started with "
                f"{self._plan.version}: install the same version on every machine"
            )
        os.environ["OMP_NUM_THREADS"] = str(self._plan.cores)  # the engine inherits it
        _remove_left_scratch()
        scratch = Path(tempfile.mkdtemp(prefix=f"{SCRATCH_PREFIX}{os.getpid()}-{mark_of(os.getpid())}-"))
        self._scratch = scratch
        source, destination = open_store(self._plan.source), open_store(self._plan.destination)
        steps = PhotoSteps(self._plan, source, destination, scratch, self._name)
        setup = replace(self._plan.setup, files=place_models(self._plan, models))
        command = self._plan.engine_command
        engine = EngineProcess(
            setup, timeout_seconds=self._plan.recipe.engine.timeout_seconds, command=command
        )
        try:
            engine.start()
        except BaseException:
            engine.close(grace_seconds=0)
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        self._window = engine.window
        line = Line(engine, steps, self._tasks, self._results.put)
        self._thread = threading.Thread(target=line.run, name="archive-line", daemon=True)
        self._thread.start()
        return engine.device

    def exchange(self, tasks: tuple[Task, ...]) -> Reply:
        """Take photos, and return what has become of earlier ones; waits at most REPLY_SECONDS."""
        for task in tasks:
            self._tasks.put(task)
        self._held += len(tasks)
        deadline = time.monotonic() + REPLY_SECONDS
        results: list[Finished | Returned] = []
        while len(results) < self._held and (left := deadline - time.monotonic()) > 0:
            try:
                results.append(self._results.get(timeout=left))
                deadline = min(deadline, time.monotonic() + LINGER_SECONDS)
            except queue.Empty:
                break
        if not results and self._held and not self._thread.is_alive():
            raise EngineFailed("the worker's own thread has ended; its log says why")
        self._held -= len(results)
        return Reply(tuple(results), self._wanted(len(results)))

    def _wanted(self, finished: int) -> int:
        now = time.monotonic()
        seconds = max(now - self._replied, 1e-3)
        self._replied = now
        share = min(1.0, seconds / 5)
        self._rate += share * (finished / seconds - self._rate)
        return min(MOST_HELD, self._window + 2 + round(self._rate * AHEAD_SECONDS))

    def close(self) -> None:
        """Finish what is in work, end the engine, and remove the scratch folder."""
        self._tasks.put(None)
        self._thread.join()
        shutil.rmtree(self._scratch, ignore_errors=True)
        _remove_left_scratch()


class Line:
    """The thread that feeds the engine; others fetch the next photos and publish the last ones."""

    def __init__(
        self,
        engine: EngineProcess,
        steps: PhotoSteps,
        tasks: queue.SimpleQueue[Task | None],
        emit: Callable[[Finished | Returned], None],
    ) -> None:
        self._engine = engine
        self._steps = steps
        self._tasks = tasks
        self._emit = emit
        self._fetching: deque[tuple[Task, Future[Fetched]]] = deque()
        self._in_engine: dict[int, Fetched] = {}
        self._ending = False
        threads = max(2, engine.window)
        self._fetchers = ThreadPoolExecutor(threads, "archive-fetch")
        self._publishers = ThreadPoolExecutor(threads, "archive-publish")

    def run(self) -> None:
        """Work until None arrives instead of a task, and everything before it is done."""
        while not self._ending or self._fetching or self._in_engine:
            self._take_tasks()
            self._feed()
            self._listen()
        self._publishers.shutdown()
        self._fetchers.shutdown()
        self._engine.close()

    def _take_tasks(self) -> None:
        idle = not self._fetching and not self._in_engine
        with suppress(queue.Empty):
            while not self._ending and len(self._fetching) < MOST_HELD:
                task = self._tasks.get(block=idle)
                if task is None:
                    self._ending = True
                    return
                self._fetching.append((task, self._fetchers.submit(self._steps.fetch, task)))
                idle = False

    def _feed(self) -> None:
        """Hand the next photos to the engine, as many as it takes at once."""
        while self._fetching and len(self._in_engine) < self._engine.window:
            task, fetching = self._fetching[0]
            if self._in_engine and not (fetching.done() and self._engine.alive):
                return  # of an engine that died, `_listen` gives back what it held before another starts
            self._fetching.popleft()
            try:
                photo = fetching.result()
                self._revive()
                self._engine.submit(photo.request)
                self._in_engine[task.number] = photo
            except Exception as error:  # noqa: BLE001 - one photo must not stop the rest
                self._give_up(task, error)

    def _revive(self) -> None:
        """Start the engine again after it has died. Raises EngineUnavailable: no photo is to blame."""
        if self._engine.alive:
            return
        try:
            self._engine.start()
        except FacewatchError as error:
            raise EngineUnavailable(str(error)) from error

    def _listen(self) -> None:
        if not self._in_engine:
            return
        try:
            message = self._engine.receive(0.05)
        except EngineFailed as error:  # it has died or hung, and every photo in it is a suspect
            for photo in self._take_all():
                self._give_up(photo.task, error, photo.sha256)
            return
        if isinstance(message, RestoreResult):
            photo = self._in_engine.pop(message.number)
            self._publishers.submit(self._publish, photo, message)
        elif isinstance(message, RestoreFailure):
            photo = self._in_engine.pop(message.number)
            failure = to_error(message)
            self._give_up(photo.task, failure, photo.sha256)
            if isinstance(failure, DeviceFailed):  # later results of this engine are worthless
                self._engine.close(grace_seconds=0)
                for other in self._take_all():
                    self._give_up(other.task, failure, other.sha256)

    def _take_all(self) -> list[Fetched]:
        photos = list(self._in_engine.values())
        self._in_engine.clear()
        return photos

    def _publish(self, photo: Fetched, answer: RestoreResult) -> None:
        try:
            row = self._steps.publish(photo, answer)
        except Exception as error:  # noqa: BLE001 - one photo must not stop the rest
            self._give_up(photo.task, error, photo.sha256)
            return
        self._steps.forget(photo.task)
        self._emit(Finished(photo.task.number, row))

    def _give_up(self, task: Task, error: Exception, sha256: str = "") -> None:
        found = error if isinstance(error, FacewatchError) else as_facewatch_error(error)
        self._steps.forget(task)
        if is_final(found, task.tries):
            self._emit(Finished(task.number, self._steps.failed(task, found, sha256)))
        else:
            self._emit(Returned(task.number, fate_of(found), type(found).__name__, str(found)))


def _remove_left_scratch() -> None:
    """Remove the scratch folders of workers that were killed on this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH_PREFIX}*"):
        pid, _, rest = folder.name.removeprefix(SCRATCH_PREFIX).partition("-")
        with suppress(OSError, ValueError):
            if not is_still_running(int(pid), rest.partition("-")[0], folder.lstat().st_ctime):
                shutil.rmtree(folder, ignore_errors=True)
