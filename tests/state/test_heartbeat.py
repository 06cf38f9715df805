from __future__ import annotations

import os

import pytest

from facewatch.state.heartbeat import BEAT_SECONDS, LONGEST_STEP_SECONDS, Heartbeat, HeartbeatMonitor


class Stage:
    """Both sides, and a clock to turn."""

    def __init__(self, file) -> None:
        self.file, self.now, self.hung, self.waiting = file, 100.0, False, []
        self.heartbeat = Heartbeat(file, self._soon, clock=lambda: self.now)
        self.pulse = HeartbeatMonitor(file, clock=lambda: self.now)
        self.pulse.begin()

    def _soon(self, act) -> None:
        if self.hung:
            self.waiting.append(act)
            return
        act()
        if not self.file.exists():
            return
        os.utime(self.file, ns=(0, round(self.now * 1e9)))  # the test's clock is quicker than the disk's

    def after(self, seconds) -> float:
        """Let time pass, a look a second; how long it has been silent then."""
        for _ in range(seconds):
            self.now += 1
            self.heartbeat.beat()
            silent = self.pulse.silent_seconds()
        return silent


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path / "beat")


def test_one_who_lives_is_never_silent_for_long(stage):
    assert max(stage.after(1) for _ in range(100)) <= BEAT_SECONDS


def test_a_loop_that_hangs_is_silent_and_its_heart_asks_no_more_often(stage):
    stage.after(10)
    stage.hung = True
    assert stage.after(60) >= 57
    assert len(stage.waiting) <= 60 / BEAT_SECONDS + 1
    stage.hung = False
    assert stage.after(4) <= BEAT_SECONDS


def test_time_in_which_nobody_looked_is_no_silence(stage):
    stage.hung = True
    stage.after(3)
    stage.now += 8 * 3600  # the machine slept
    assert stage.pulse.silent_seconds() <= 3 + LONGEST_STEP_SECONDS


def test_a_clock_that_is_set_back_is_still_a_sign_of_life(stage):
    stage.after(10)
    os.utime(stage.file, ns=(0, 1))
    assert stage.pulse.silent_seconds() == 0


def test_where_nothing_can_be_seen_nobody_is_taken_for_dead(tmp_path, caplog):
    stage = Stage(tmp_path / "nowhere" / "beat")
    assert stage.after(1) == 0
    stage.hung = True
    assert stage.after(100) == 0
    assert "cannot be made" in caplog.text
