"""The batch that status and tray show."""

from __future__ import annotations

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
