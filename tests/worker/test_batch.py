"""The batch that status and tray show."""

from __future__ import annotations

import logging

import pytest

from facewatch.worker.batch import QUIET_SECONDS, Batch
from tests.clock import Clock


class Facts(dict):
    note = dict.__setitem__

    def forget(self, *keys: str) -> None:
        for key in keys:
            self.pop(key, None)

    def fact(self, key: str) -> object:
        return self.get(key)


def test_a_batch_begins_with_a_photo_counts_its_waits_and_ends_in_quiet():
    facts, clock = Facts(), Clock()
    batch = Batch(facts, clock, lambda: clock.now + 1000)

    def look(seconds: float, *, working: bool = False, held: bool = False) -> dict | None:
        clock.now += seconds
        batch.look(working=working, held=held)
        return facts.get("batch")

    began = clock.now + 1001
    assert look(0) is None
    assert look(1, working=True) == {"began": began, "idle": False, "idle_seconds": 0.0}
    assert look(5, held=True) == {"began": began, "idle": True, "idle_seconds": 0.0}
    assert look(100, held=True)["idle"]
    assert look(20, working=True) == {"began": began, "idle": False, "idle_seconds": 120.0}
    assert look(1)["idle"]
    assert look(QUIET_SECONDS) is None


class Awake:
    """Stands in for the system's locks."""

    def __init__(self, allowed: bool = True) -> None:
        self.allowed, self.wishes = allowed, []

    def want(self, why: str, *, wanted: bool) -> bool:
        self.wishes.append(wanted)
        return self.allowed or not wanted


@pytest.fixture
def kept_awake():
    def make(awake, wanted=lambda: True):
        clock = Clock()
        batch = Batch(Facts(), clock, lambda: clock.now, keep_awake=wanted, awake=awake)

        def look(seconds: float = 1, *, working: bool = False, held: bool = False) -> list[bool]:
            clock.now += seconds
            batch.look(working=working, held=held)
            return awake.wishes

        return look

    return make


def test_the_computer_is_kept_awake_for_a_batch_and_no_longer(kept_awake):
    look = kept_awake(Awake())
    assert look() == []
    assert look(working=True) == [True]
    assert look() == [True]  # the next photo may come in a moment
    assert look(held=True) == [True, False]  # a pause, or hours to wait for
    assert look(working=True, held=True) == [True, False, True]
    assert look() == [True, False, True]
    assert look(QUIET_SECONDS) == [True, False, True, False]


def test_the_computer_may_sleep_unless_the_user_asks(kept_awake):
    wanted = []
    look = kept_awake(Awake(), lambda: bool(wanted))
    assert look(working=True) == []
    wanted.append(1)
    assert look(working=True) == [True]
    wanted.clear()
    assert look(working=True) == [True, False]


def test_a_system_that_refuses_is_reported_once_a_batch(kept_awake, caplog):
    caplog.set_level(logging.WARNING)
    look = kept_awake(Awake(allowed=False))
    look(working=True)
    look(working=True)
    assert [record.message for record in caplog.records] == [
        "the system does not let facewatch keep the computer awake"
    ]
