"""Main loop of the engine process: read requests, restore, answer."""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from facewatch.engine import memory
from facewatch.engine.memory import limit_memory
from facewatch.engine.messages import Ready, RestoreFailure, from_line, to_line
from facewatch.engine.precision import decide
from facewatch.engine.stages import Begun, Emit, StagedRestorer, helpers_for
from facewatch.engine.threads import FittedThreads
from facewatch.engine.waiting import sleep_soon
from facewatch.errors import FacewatchError, NoSuchDevice
from facewatch.restoration.options import Setup
from facewatch.system.processes import lower_priority

if TYPE_CHECKING:
    from facewatch.engine.restorer import Restorer

KEPT_SECONDS = 5.0  # without a request, before unused memory is returned
_STD_INPUT_HANDLE = -10  # winbase.h


def main(probe: str | None = None) -> None:
    """Serve on standard input and output until the input ends; with `probe`, only report the device."""
    emit = _take_over_output()
    if probe is not None:
        _answer_probe(probe, emit)
        return
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(_take_over_input(), requests), daemon=True).start()
    serve(requests, emit)


def serve(requests: queue.SimpleQueue[Any], emit: Emit) -> None:
    """Load the setup, which comes first, then answer one request after the other."""
    setup = requests.get()
    if setup.background:
        lower_priority()
    sleep_soon()
    try:
        restorer, device, words = _load(setup)
    except FacewatchError as error:
        emit(RestoreFailure(0, type(error).__name__, str(error)))
        return
    memory.release()
    memory.tune()  # only now: while the networks load, freed memory must return to the system
    helpers = helpers_for(device.partition(":")[0], os.cpu_count() or 1)
    stages = StagedRestorer(restorer, emit, helpers)
    free_unused = _memory_releaser(device)
    fit_threads = _thread_fitter(device) if setup.background else lambda: None
    emit(Ready(words, window=helpers.window))
    begun: deque[Begun] = deque()
    while True:
        while not begun or not requests.empty():
            begun.append(stages.begin(_next(requests, free_unused)))
        fit_threads()
        stages.finish(begun.popleft())


def _next(requests: queue.SimpleQueue[Any], free_unused: Callable[[], object]) -> Any:
    """Return the next request; while there is none, return unused memory to the system."""
    try:
        return requests.get(timeout=KEPT_SECONDS)
    except queue.Empty:
        free_unused()
        return requests.get()


def _memory_releaser(device: str) -> Callable[[], None]:
    """Return a function that frees unused memory of machine and device."""
    from facewatch.restoration.networks.device import free_cache

    def free_unused() -> None:
        memory.release()
        try:
            free_cache(device)
        except RuntimeError:  # a device in trouble; the next photo reports it
            traceback.print_exc()

    return free_unused


def _thread_fitter(device: str) -> Callable[[], None]:
    """Return a function that fits the number of threads to the free cores."""
    from facewatch.restoration.networks.device import threads, use_threads

    return FittedThreads(threads(), use_threads).fit if device == "cpu" else lambda: None


def _take_over_input() -> IO[str]:
    """Return the standard input for our messages alone; libraries find an empty one in its place.

    On Windows, the start of a library's C runtime queries the standard input, and waits until a read of it by
    another thread returns: `import numpy` would wait for the next photo.
    """
    pipe = os.fdopen(os.dup(0), encoding="utf-8")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    if sys.platform == "win32":  # the C library does so only in programs with a console
        import ctypes
        import msvcrt

        ctypes.windll.kernel32.SetStdHandle(_STD_INPUT_HANDLE, ctypes.c_void_p(msvcrt.get_osfhandle(0)))
    return pipe


def _take_over_output() -> Emit:
    # Output that libraries print must not land between our messages.
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def emit(message: object) -> None:
        with lock:
            pipe.write(to_line(message))
            pipe.flush()

    return emit


def _read_requests(stream: IO[str], requests: queue.SimpleQueue[Any]) -> None:
    code = 0
    try:
        for line in stream:
            requests.put(from_line(line))
    except ValueError:  # a daemon of another version, after an upgrade: it starts an engine like itself
        traceback.print_exc()
        code = 1
    os._exit(code)  # no one hears an answer any longer


def _answer_probe(wish: str, emit: Emit) -> None:
    from facewatch.restoration.networks import device, onnx_network

    try:
        chosen = device.choose(wish)
        _, words = decide("auto", chosen)
        ready = Ready(chosen, precision=words, passed_over=device.passed_over())
    except FacewatchError as error:
        emit(RestoreFailure(0, type(error).__name__, str(error)))
        return
    try:
        emit(replace(ready, onnx=onnx_network.computes_on(wish, chosen)))
    except NoSuchDevice as error:  # of use for other files
        emit(replace(ready, onnx_problem=str(error)))


def _load(setup: Setup) -> tuple[Restorer, str, str]:
    """Return the loaded networks, their device, and the device as text for people."""
    from facewatch.engine.restorer import Restorer
    from facewatch.restoration.networks import device

    chosen = device.choose(setup.device)
    if chosen == "cpu":  # a GPU's driver reserves large amounts of memory
        limit_memory()
    precision, _ = decide(setup.precision, chosen)
    restorer = Restorer.load(replace(setup, precision=precision), chosen)
    return restorer, chosen, f"{device.describe(chosen)}, {precision}"
