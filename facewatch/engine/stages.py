"""Stages of the engine, run side by side: read, infer, write."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facewatch.engine import memory
from facewatch.engine.messages import Progress, RestoreFailure, RestoreRequest, RestoreResult
from facewatch.errors import Animated, FacewatchError, TooLittleMemory, Unexpected
from facewatch.system.atomic import lack_of_resources

if TYPE_CHECKING:
    from facewatch.engine.restorer import Restorer
    from facewatch.restoration.blending import InferredPhoto
    from facewatch.restoration.codecs.photo import Photo

_NO_MEMORY = -4
Emit = Callable[[object], None]


class Begun(NamedTuple):
    """A request whose photo is being read."""

    job: RestoreRequest
    reading: Future[tuple[Photo | RestoreResult, float]]  # the photo or its existing copy, and the seconds


class Helpers(NamedTuple):
    """Numbers of helper threads beside the one that runs the networks."""

    readers: int
    writers: int

    @property
    def window(self) -> int:
        """Number of requests that keep every stage busy: one for each thread."""
        return self.readers + 1 + self.writers


class StagedRestorer:
    """Reads the next photos and writes the last ones on helper threads while the caller runs the networks.

    The helpers do everything that needs no network, so that a GPU waits only for the detector's resizing. The
    caller bounds the work: as many requests begun and not answered as the window keep every stage busy.
    """

    def __init__(self, restorer: Restorer, emit: Emit, helpers: Helpers) -> None:
        self._restorer = restorer
        self._emit = emit
        self._readers = ThreadPoolExecutor(helpers.readers, "reader")
        self._writers = ThreadPoolExecutor(helpers.writers, "writer")

    def begin(self, job: RestoreRequest) -> Begun:
        """Start reading a photo as soon as a helper is free."""
        return Begun(job, self._readers.submit(self._read, job))

    def finish(self, begun: Begun) -> None:
        """Restore the photo's faces and leave the copy to a helper, which emits the outcome."""
        job = begun.job
        with self._failures_emitted(job):
            photo, spent = begun.reading.result()
            if isinstance(photo, RestoreResult):
                self._emit(photo)
                return
            advance = partial(self._emit_progress, job)
            if job.previews:
                self._emit(self._restorer.preview(job, photo, advance))
                return
            started = time.monotonic()
            inferred = self._restorer.infer(job, photo, advance)
            spent += time.monotonic() - started
            self._writers.submit(self._write, job, photo, inferred, spent)

    def _read(self, job: RestoreRequest) -> tuple[Photo | RestoreResult, float]:
        started = time.monotonic()
        return self._restorer.read(job), time.monotonic() - started

    def _write(
        self, job: RestoreRequest, photo: Photo, inferred: tuple[InferredPhoto, ...], spent: float
    ) -> None:
        with self._failures_emitted(job):
            started = time.monotonic()
            restored = self._restorer.blend(job, photo, inferred, partial(self._emit_progress, job))
            spent += time.monotonic() - started
            self._emit(self._restorer.write(job, photo, restored, spent))

    def _emit_progress(self, job: RestoreRequest, done: int, total: int, what: str) -> None:
        self._emit(Progress(job.number, done, total, what))

    @contextmanager
    def _failures_emitted(self, job: RestoreRequest) -> Iterator[None]:
        try:
            yield
        except Animated as error:
            suffix = Path(job.source).suffix
            self._emit(RestoreResult(job.number, None, None, suffix, [], 0.0, left_alone=str(error)))
        except FacewatchError as error:
            self._emit(RestoreFailure(job.number, type(error).__name__, str(error)))
        except Exception as error:  # noqa: BLE001 - one photo must not stop the rest
            found = as_facewatch_error(error)
            if isinstance(found, Unexpected):
                traceback.print_exc()
            memory.release()
            self._emit(RestoreFailure(job.number, type(found).__name__, str(found)))


def as_facewatch_error(error: Exception) -> FacewatchError:
    """Return what a library's or the system's error means for its photo; Unexpected for an unknown one."""
    # OpenCV's error.code is StsNoMem, -4, where an allocation failed.
    if isinstance(error, MemoryError) or getattr(error, "code", None) == _NO_MEMORY:
        return TooLittleMemory("the machine has too little memory for this photo: close other programs")
    lack = lack_of_resources(error) if isinstance(error, OSError) else None
    return lack or Unexpected(f"{type(error).__name__}: {error}")


def helpers_for(device: str, cores: int) -> Helpers:
    """Return the number of helper threads.

    device  its kind: cpu, cuda, mps or xpu

    A CPU is busy with the networks. A GPU restores faster than one core decodes, and far faster than one
    core pastes and encodes, so several threads read and more write; each holds a photo and its copy.
    """
    if device == "cpu":
        return Helpers(1, 1)
    return Helpers(max(1, min(4, cores // 4)), max(1, min(6, cores // 2)))
