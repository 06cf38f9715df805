"""The thread that feeds a worker's engine."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from types import SimpleNamespace

from facewatch.archive.photo import Fetched
from facewatch.archive.types import Listed, Task
from facewatch.archive.worker import Line
from facewatch.engine.messages import RestoreFailure
from facewatch.errors import EngineFailed

WAIT_SECONDS = 30.0


class DiesOnce:
    """An engine that dies of its first photo; the next process knows nothing of what it held."""

    window = 2

    def __init__(self, fetched):
        self.alive = True
        self.held = []
        self._fetched = fetched
        self._died = False

    def start(self):
        self.alive, self.held = True, []

    def submit(self, request):
        self.held.append(request.number)
        if not self._died:
            assert self._fetched.wait(WAIT_SECONDS)
            self._died, self.alive = True, False

    def receive(self, wait_seconds):
        if not self.alive:
            raise EngineFailed("it died")
        threading.Event().wait(0 if self.held else wait_seconds)
        return RestoreFailure(self.held.pop(), "BadPhoto", "no photo") if self.held else None

    def close(self, grace_seconds=0):
        self.alive = False


def test_no_photo_is_forgotten_when_the_engine_dies_while_the_next_one_is_ready():
    fetched = threading.Event()

    def fetch(task):
        if task.number == 2:
            fetched.set()
        return Fetched(task, Path("photo.jpg"), "", SimpleNamespace(number=task.number))

    steps = SimpleNamespace(fetch=fetch, forget=lambda _: None, failed=lambda *_: None)
    tasks, ended = queue.SimpleQueue(), []
    for number in range(4):
        tasks.put(Task(number, Listed(f"{number}.jpg", "1", 1)))
    tasks.put(None)
    line = Line(DiesOnce(fetched), steps, tasks, lambda outcome: ended.append(outcome.number))
    thread = threading.Thread(target=line.run, daemon=True)
    thread.start()
    thread.join(WAIT_SECONDS)
    assert sorted(ended) == [0, 1, 2, 3]
