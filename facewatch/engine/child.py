"""Inside the engine process: read jobs, restore, answer."""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from facewatch.engine.messages import Advance, Job, Ready, Refusal, Setup, from_line, to_line
from facewatch.errors import FacewatchError, OutOfMemory, Unexpected

if TYPE_CHECKING:
    from facewatch.engine.restorer import Restorer

Emit = Callable[[object], None]


def main(probe: str | None = None) -> None:
    """Serve on standard input and output until the input ends; with `probe`, only name the device."""
    emit = _take_over_output()
    if probe is not None:
        _answer_probe(probe, emit)
        return
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(sys.stdin, requests), daemon=True).start()
    serve(requests.get, emit)


def serve(next_request: Callable[[], Any], emit: Emit) -> None:
    """Load the setup, which comes first, then answer job after job."""
    setup = next_request()
    try:
        restorer = _load(setup, emit)
    except FacewatchError as error:
        emit(Refusal(0, type(error).__name__, str(error)))
        return
    while True:
        _answer(restorer, next_request(), emit)


def _take_over_output() -> Emit:
    # Libraries print; what they print must not land between our messages.
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def emit(message: object) -> None:
        with lock:
            pipe.write(to_line(message))
            pipe.flush()

    return emit


def _read_requests(stream: IO[str], requests: queue.SimpleQueue[Any]) -> None:
    for line in stream:
        requests.put(from_line(line))
    os._exit(0)  # nobody is there to hear an answer, so a photo in work is worth nothing either


def _answer_probe(wish: str, emit: Emit) -> None:
    from facewatch.faces import device

    try:
        emit(Ready(device.choose(wish)))
    except FacewatchError as error:
        emit(Refusal(0, type(error).__name__, str(error)))


def _load(setup: Setup, emit: Emit) -> Restorer:
    from facewatch.engine.restorer import Restorer

    if not setup.files:  # without a network there is no need to load torch, nor any use for a GPU
        emit(Ready("cpu, without a network"))
        return Restorer.load(setup, "cpu")
    from facewatch.faces import device

    chosen = device.choose(setup.device)
    restorer = Restorer.load(setup, chosen)
    emit(Ready(device.describe(chosen)))
    return restorer


def _answer(restorer: Restorer, job: Job, emit: Emit) -> None:
    def advance(done: int, total: int, what: str) -> None:
        emit(Advance(job.number, done, total, what))

    try:
        emit(restorer.restore(job, advance))
    except FacewatchError as error:
        emit(Refusal(job.number, type(error).__name__, str(error)))
    except MemoryError:
        emit(Refusal(job.number, OutOfMemory.__name__, "the machine has too little memory for this photo"))
    except Exception as error:  # noqa: BLE001 - one photo must not stop the rest
        traceback.print_exc()
        emit(Refusal(job.number, Unexpected.__name__, f"{type(error).__name__}: {error}"))
