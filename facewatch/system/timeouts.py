"""File system calls with a timeout, for shares that may never answer."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

TIMEOUT_SECONDS = 5.0  # a disk that has to spin up may take longer: the next call gets its answer

Answer = TypeVar("Answer")


class TimedCalls:
    """Runs each call in a thread of its own, and abandons that thread after a timeout; thread-safe."""

    def __init__(self, seconds: float = TIMEOUT_SECONDS) -> None:
        self._seconds = seconds
        self._overdue: dict[str, threading.Thread] = {}  # by place; a live thread is still waiting

    def __call__(self, place: Path | str, call: Callable[[], Answer], seconds: float | None = None) -> Answer:
        """Return the result of a call that concerns `place` or something below it.

        seconds  the timeout of a call that may take longer than most

        Raises what `call` raises, and TimeoutError, an OSError, when it takes too long; at once, without
        calling, while an earlier call for `place` has not returned.
        """
        name = os.fspath(place)
        earlier = self._overdue.get(name)
        if earlier is not None and earlier.is_alive():
            raise _timeout_error(name)
        results: list[Answer] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(call())
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                errors.append(error)

        thread = threading.Thread(target=run, name="facewatch-timed-call", daemon=True)
        thread.start()
        thread.join(self._seconds if seconds is None else seconds)
        if errors:
            raise errors[0]
        if not results:
            self._overdue[name] = thread
            raise _timeout_error(name)
        return results[0]


def _timeout_error(name: str) -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "its disk or share does not answer", name)
