"""Calls that take too long."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from facewatch.system.timeouts import TimedCalls


@pytest.fixture
def dead():
    """An event that ends a blocked call, at the latest when the test is over."""
    answer = threading.Event()
    yield answer
    answer.set()
    for thread in threading.enumerate():
        if thread.name == "facewatch-timed-call":
            thread.join(5)


def test_results_and_errors_are_passed_on():
    call = TimedCalls()
    assert call("/here", lambda: 3) == 3
    with pytest.raises(FileNotFoundError):
        call("/here", lambda: Path("/never/there").stat())


def test_a_call_that_takes_too_long_raises_and_is_not_waited_for_twice(dead):
    call = TimedCalls(0.1)
    began, before = time.monotonic(), threading.active_count()
    for _ in range(50):
        with pytest.raises(TimeoutError, match="does not answer"):
            call("/dead", dead.wait)
    assert time.monotonic() - began < 2
    assert threading.active_count() == before + 1
    assert call("/alive", lambda: 1) == 1


def test_a_place_that_answers_again_is_called_again(dead):
    call = TimedCalls(0.1)
    with pytest.raises(TimeoutError):
        call("/dead", dead.wait)
    dead.set()
    time.sleep(0.1)
    assert call("/dead", lambda: 2) == 2
