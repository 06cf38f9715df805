"""The engine's three stages side by side: read, draw, write."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from facewatch.engine.messages import Progress, RestoreFailure, RestoreRequest
from facewatch.errors import FacewatchError, TooLittleMemory, Unexpected

if TYPE_CHECKING:
    from facewatch.engine.restorer import Restorer
    from facewatch.restoration.blending import InferredPhoto
    from facewatch.restoration.codecs.photo import Photo

Emit = Callable[[object], None]


class Begun(NamedTuple):
    """A job whose photo is being read."""

    job: RestoreRequest
    reading: Future[tuple[Photo, float]]  # the photo, and the seconds it took


class Helpers(NamedTuple):
    """Threads beside the one that has the networks."""

    readers: int
    writers: int

    @property
    def window(self) -> int:
        """How many jobs keep every stage at work: one in each thread."""
        return self.readers + 1 + self.writers


class StagedRestorer:
    """Helper threads read the next photos and finish the last ones while the caller's thread draws one.

    All that needs no network is theirs, so that a GPU waits for nothing but the detector's resizing. The
    caller bounds what is under way: as many jobs begun and not answered as the window keep every stage at
    work.
    """

    def __init__(self, restorer: Restorer, emit: Emit, helpers: Helpers) -> None:
        self._restorer = restorer
        self._emit = emit
        self._readers = ThreadPoolExecutor(helpers.readers, "reader")
        self._writers = ThreadPoolExecutor(helpers.writers, "writer")

    def begin(self, job: RestoreRequest) -> Begun:
        """Have a photo read as soon as a helper is free."""
        return Begun(job, self._readers.submit(self._read, job))

    def finish(self, begun: Begun) -> None:
        """Draw the photo's faces and leave the copy to a helper; whatever comes of it is emitted."""
        job = begun.job
        with self._refusing(job):
            photo, spent = begun.reading.result()
            started = time.monotonic()
            drawn = self._restorer.infer(job, photo, lambda *how_far: self._tell(job, *how_far))
            spent += time.monotonic() - started
            self._writers.submit(self._write, job, photo, drawn, spent)

    def _read(self, job: RestoreRequest) -> tuple[Photo, float]:
        started = time.monotonic()
        return self._restorer.read(job), time.monotonic() - started

    def _write(self, job: RestoreRequest, photo: Photo, drawn: InferredPhoto, spent: float) -> None:
        with self._refusing(job):
            started = time.monotonic()
            restored = self._restorer.blend(job, photo, drawn)
            spent += time.monotonic() - started
            self._emit(self._restorer.write(job, photo, restored, spent))

    def _tell(self, job: RestoreRequest, done: int, total: int, what: str) -> None:
        self._emit(Progress(job.number, done, total, what))

    @contextmanager
    def _refusing(self, job: RestoreRequest) -> Iterator[None]:
        try:
            yield
        except FacewatchError as error:
            self._emit(RestoreFailure(job.number, type(error).__name__, str(error)))
        except MemoryError:
            words = "the machine has too little memory for this photo"
            self._emit(RestoreFailure(job.number, TooLittleMemory.__name__, words))
        except Exception as error:  # noqa: BLE001 - one photo must not stop the rest
            traceback.print_exc()
            self._emit(RestoreFailure(job.number, Unexpected.__name__, f"{type(error).__name__}: {error}"))


def helpers_for(device: str, cores: int) -> Helpers:
    """How many threads help.

    device  its kind: cpu, cuda, mps or xpu

    A CPU is busy drawing. A GPU draws faster than one core decodes, and much faster than it pastes and
    encodes, so several feed it and more clear away; each holds a photo and its copy.
    """
    if device == "cpu":
        return Helpers(1, 1)
    return Helpers(max(1, min(4, cores // 4)), max(1, min(6, cores // 2)))
