"""Questions about files that get an answer in time, even where a dead share gives none."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

TIMEOUT_SECONDS = 5.0  # a disk that has to spin up may take longer: it has its answer at the next question

Answer = TypeVar("Answer")


class TimedCalls:
    """Asks each question in a thread of its own, and leaves that behind if no answer comes; thread-safe."""

    def __init__(self, seconds: float = TIMEOUT_SECONDS) -> None:
        self._seconds = seconds
        self._overdue: dict[str, threading.Thread] = {}  # by place; a thread that lives still waits

    def __call__(
        self, place: Path | str, question: Callable[[], Answer], seconds: float | None = None
    ) -> Answer:
        """The answer to a question about what lies at `place` or below it.

        seconds  for what may take longer than most

        Raises what `question` raises, and TimeoutError, which is an OSError, when no answer comes in time; at
        once, without asking, while an earlier question about `place` has none.
        """
        name = os.fspath(place)
        earlier = self._overdue.get(name)
        if earlier is not None and earlier.is_alive():
            raise _silence(name)
        told: list[Answer] = []
        failed: list[BaseException] = []

        def ask() -> None:
            try:
                told.append(question())
            except BaseException as error:  # noqa: BLE001 - raised again where it was asked
                failed.append(error)

        thread = threading.Thread(target=ask, name="facewatch-asking", daemon=True)
        thread.start()
        thread.join(self._seconds if seconds is None else seconds)
        if failed:
            raise failed[0]
        if not told:
            self._overdue[name] = thread
            raise _silence(name)
        return told[0]


def _silence(name: str) -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "its disk or share does not answer", name)
