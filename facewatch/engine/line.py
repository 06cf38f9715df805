"""The engine's three stages side by side: read, restore, write."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from facewatch.engine.messages import Advance, Job, Refusal
from facewatch.errors import FacewatchError, OutOfMemory, Unexpected

if TYPE_CHECKING:
    from facewatch.engine.restorer import Restorer
    from facewatch.faces.photo import Photo
    from facewatch.faces.pipeline import Restored

Emit = Callable[[object], None]


class Begun(NamedTuple):
    """A job whose photo is being read."""

    job: Job
    reading: Future[tuple[Photo, float]]  # the photo, and the seconds it took


class Line:
    """Helper threads read the next photos and write the last ones while the caller's thread restores one.

    The caller bounds what is under way: `window` jobs begun and not answered keep every stage at work.
    """

    def __init__(self, restorer: Restorer, emit: Emit, helpers: int) -> None:
        """helpers: threads that read, and as many that write"""
        self._restorer = restorer
        self._emit = emit
        self._readers = ThreadPoolExecutor(helpers, "reader")
        self._writers = ThreadPoolExecutor(helpers, "writer")

    def begin(self, job: Job) -> Begun:
        """Have a photo read as soon as a helper is free."""
        return Begun(job, self._readers.submit(self._read, job))

    def finish(self, begun: Begun) -> None:
        """Restore the photo and leave the copy to a helper; whatever comes of it is emitted."""
        job = begun.job
        with self._refusing(job):
            photo, spent = begun.reading.result()
            started = time.monotonic()
            restored = self._restorer.restore(job, photo, lambda *how_far: self._tell(job, *how_far))
            spent += time.monotonic() - started
            self._writers.submit(self._write, job, photo, restored, spent)

    def _read(self, job: Job) -> tuple[Photo, float]:
        started = time.monotonic()
        return self._restorer.read(job), time.monotonic() - started

    def _write(self, job: Job, photo: Photo, restored: Restored, spent: float) -> None:
        with self._refusing(job):
            self._emit(self._restorer.write(job, photo, restored, spent))

    def _tell(self, job: Job, done: int, total: int, what: str) -> None:
        self._emit(Advance(job.number, done, total, what))

    @contextmanager
    def _refusing(self, job: Job) -> Iterator[None]:
        try:
            yield
        except FacewatchError as error:
            self._emit(Refusal(job.number, type(error).__name__, str(error)))
        except MemoryError:
            words = "the machine has too little memory for this photo"
            self._emit(Refusal(job.number, OutOfMemory.__name__, words))
        except Exception as error:  # noqa: BLE001 - one photo must not stop the rest
            traceback.print_exc()
            self._emit(Refusal(job.number, Unexpected.__name__, f"{type(error).__name__}: {error}"))


def helpers_for(device: str, cores: int) -> int:
    """How many threads read, and how many write, beside the one that restores.

    A GPU restores faster than one core decodes and encodes, so several feed it; a CPU is busy restoring.
    """
    return 1 if device == "cpu" else max(1, min(4, cores // 4))


def window_for(helpers: int) -> int:
    """How many jobs keep every stage at work: one in each thread."""
    return 2 * helpers + 1
