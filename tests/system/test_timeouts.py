"""Questions that get no answer."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from facewatch.system.timeouts import TimedCalls


@pytest.fixture
def dead():
    """A question that is answered when the test is over, or when it says so."""
    answered = threading.Event()
    yield answered
    answered.set()
    for thread in threading.enumerate():
        if thread.name == "facewatch-asking":
            thread.join(5)


def test_an_answer_and_an_error_come_as_they_are():
    ask = TimedCalls()
    assert ask("/here", lambda: 3) == 3
    with pytest.raises(FileNotFoundError):
        ask("/here", lambda: Path("/never/there").stat())


def test_no_answer_is_an_error_in_time_and_is_not_waited_for_twice(dead):
    ask = TimedCalls(0.1)
    began, before = time.monotonic(), threading.active_count()
    for _ in range(50):
        with pytest.raises(TimeoutError, match="does not answer"):
            ask("/dead", dead.wait)
    assert time.monotonic() - began < 2
    assert threading.active_count() == before + 1
    assert ask("/alive", lambda: 1) == 1


def test_what_answers_again_is_asked_again(dead):
    ask = TimedCalls(0.1)
    with pytest.raises(TimeoutError):
        ask("/dead", dead.wait)
    dead.set()
    time.sleep(0.1)
    assert ask("/dead", lambda: 2) == 2
