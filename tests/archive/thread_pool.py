"""Pool for tests: real workers with the fake engine, on threads of this process; each can be killed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from facewatch.archive.pool import Answered, CannotStart, Died, Event, Ready
from facewatch.archive.types import Task, WorkPlan
from facewatch.archive.worker import Worker
from facewatch.errors import FacewatchError


class ThreadPool:
    """Runs as many workers as `size` says at the moment."""

    def __init__(self, plan: WorkPlan, size: int, worker_class: Callable[[WorkPlan, str], Worker] = Worker):
        self.size = size
        self.begun: list[str] = []
        self.given: list[tuple[str, tuple[Task, ...]]] = []
        self._plan = plan
        self._class = worker_class
        self._workers: dict[str, Worker] = {}
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._started: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []

    def capacity(self) -> int:
        return self.size

    def begin(self, worker: str) -> None:
        self.begun.append(worker)
        one = self._workers[worker] = self._class(self._plan, worker)
        self._started[worker] = threading.Event()

        def start() -> Event:
            try:
                return Ready(worker, one.start({}))
            except FacewatchError as error:
                self._workers.pop(worker)
                return CannotStart(worker, str(error))
            finally:
                self._started[worker].set()

        self._call(start)

    def give(self, worker: str, tasks: tuple[Task, ...]) -> None:
        self.given.append((worker, tasks))
        if (one := self._workers.get(worker)) is None:
            return  # killed meanwhile; its Died is on its way
        self._call(lambda: Answered(worker, one.exchange(tasks)))

    def wait(self, seconds: float) -> list[Event]:
        try:
            events = [self._events.get(timeout=seconds)]
        except queue.Empty:
            return []
        while not self._events.empty():
            events.append(self._events.get())
        final = (Died, CannotStart)
        return [event for event in events if event.worker in self._workers or isinstance(event, final)]

    def end(self, worker: str) -> None:
        self._started[worker].wait()
        if (one := self._workers.pop(worker, None)) is not None:
            one.close()

    def kill(self, worker: str) -> None:
        """Let a worker die: what it answers later is lost."""
        dying = self._workers.pop(worker)
        self._events.put(Died(worker, "killed"))
        self._call(dying.close)

    def close(self) -> None:
        """Wait for every thread."""
        for worker in list(self._workers):
            self.end(worker)
        for thread in self._threads:
            thread.join()

    def _call(self, act: Callable[[], Event | None]) -> None:
        def call() -> None:
            if (event := act()) is not None:
                self._events.put(event)

        thread = threading.Thread(target=call, name="pool")
        self._threads.append(thread)
        thread.start()
