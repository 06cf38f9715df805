"""Inside the engine process: read jobs, restore, answer."""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from facewatch.engine import memory
from facewatch.engine.memory import limit_memory
from facewatch.engine.messages import Ready, RestoreFailure, from_line, to_line
from facewatch.engine.stages import Begun, Emit, StagedRestorer, helpers_for
from facewatch.errors import FacewatchError
from facewatch.restoration.options import Setup

if TYPE_CHECKING:
    from facewatch.engine.restorer import Restorer

KEPT_SECONDS = 5.0  # without a job


def main(probe: str | None = None) -> None:
    """Serve on standard input and output until the input ends; with `probe`, only name the device."""
    emit = _take_over_output()
    if probe is not None:
        _answer_probe(probe, emit)
        return
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(sys.stdin, requests), daemon=True).start()
    serve(requests, emit)


def serve(requests: queue.SimpleQueue[Any], emit: Emit) -> None:
    """Load the setup, which comes first, then answer job after job."""
    setup = requests.get()
    try:
        restorer, device, words = _load(setup)
    except FacewatchError as error:
        emit(RestoreFailure(0, type(error).__name__, str(error)))
        return
    memory.tune()  # only now: while the networks are loaded, what is let go of has to go back
    helpers = helpers_for(device.partition(":")[0], os.cpu_count() or 1)
    line = StagedRestorer(restorer, emit, helpers)
    let_go = _letting_go(device) if setup.files else memory.release
    emit(Ready(words, window=helpers.window))
    begun: deque[Begun] = deque()
    while True:
        while not begun or not requests.empty():
            begun.append(line.begin(_next(requests, let_go)))
        line.finish(begun.popleft())


def _next(requests: queue.SimpleQueue[Any], let_go: Callable[[], object]) -> Any:
    """The next job; while there is none, the memory kept for it goes back."""
    try:
        return requests.get(timeout=KEPT_SECONDS)
    except queue.Empty:
        let_go()
        return requests.get()


def _letting_go(device: str) -> Callable[[], None]:
    """Gives back the machine's memory and the device's; in vain where a device in trouble refuses."""
    from facewatch.restoration.networks.device import free_cache

    def let_go() -> None:
        memory.release()
        try:
            free_cache(device)
        except RuntimeError:  # the next photo tells what is wrong
            traceback.print_exc()

    return let_go


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
    from facewatch.restoration.networks import device, precision

    try:
        chosen = device.choose(wish)
        words = precision.describe("auto", chosen)
        emit(Ready(chosen, precision=words, passed_over=device.passed_over()))
    except FacewatchError as error:
        emit(RestoreFailure(0, type(error).__name__, str(error)))


def _load(setup: Setup) -> tuple[Restorer, str, str]:
    """The loaded networks, their device, and what they compute on in words."""
    from facewatch.engine.restorer import Restorer

    if not setup.files:  # without a network there is no need to load torch, nor any use for a GPU
        limit_memory()
        return Restorer.load(setup, "cpu"), "cpu", "cpu, without a network"
    from facewatch.restoration.networks import device, precision

    chosen = device.choose(setup.device)
    if chosen == "cpu":  # a card's driver takes address space as it likes
        limit_memory()
    restorer = Restorer.load(setup, chosen)
    return restorer, chosen, f"{device.describe(chosen)}, {precision.choose(setup.precision, chosen)}"
