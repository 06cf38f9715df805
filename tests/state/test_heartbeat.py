"""A process's sign of life, and the monitor that looks for it."""

from __future__ import annotations

import os

import pytest

from facewatch.state.heartbeat import BEAT_SECONDS, LONGEST_STEP_SECONDS, Heartbeat, HeartbeatMonitor


class Harness:
    """Both sides, and a clock that the test moves."""

    def __init__(self, file) -> None:
        self.file, self.now, self.hung, self.waiting = file, 100.0, False, []
        self.heartbeat = Heartbeat(file, self._schedule, clock=lambda: self.now)
        self.monitor = HeartbeatMonitor(file, clock=lambda: self.now)
        self.monitor.begin()

    def _schedule(self, act) -> None:
        if self.hung:
            self.waiting.append(act)
            return
        act()
        if not self.file.exists():
            return
        os.utime(self.file, ns=(0, round(self.now * 1e9)))  # the test's clock is quicker than the disk's

    def after(self, seconds) -> float:
        """Let time pass, with a look every second; return the seconds of silence."""
        for _ in range(seconds):
            self.now += 1
            self.heartbeat.beat()
            silent = self.monitor.silent_seconds()
        return silent


@pytest.fixture
def harness(tmp_path):
    return Harness(tmp_path / "beat")


def test_a_live_process_is_never_silent_for_long(harness):
    assert max(harness.after(1) for _ in range(100)) <= BEAT_SECONDS


def test_a_loop_that_hangs_is_silent_and_gets_no_extra_callbacks(harness):
    harness.after(10)
    harness.hung = True
    assert harness.after(60) >= 57
    assert len(harness.waiting) <= 60 / BEAT_SECONDS + 1
    harness.hung = False
    assert harness.after(4) <= BEAT_SECONDS


def test_time_without_a_look_is_not_silence(harness):
    harness.hung = True
    harness.after(3)
    harness.now += 8 * 3600  # the machine slept
    assert harness.monitor.silent_seconds() <= 3 + LONGEST_STEP_SECONDS


def test_a_clock_that_is_set_back_is_still_a_sign_of_life(harness):
    harness.after(10)
    os.utime(harness.file, ns=(0, 1))
    assert harness.monitor.silent_seconds() == 0


def test_a_file_that_cannot_be_created_makes_no_process_seem_dead(tmp_path, caplog):
    harness = Harness(tmp_path / "nowhere" / "beat")
    assert harness.after(1) == 0
    harness.hung = True
    assert harness.after(100) == 0
    assert "cannot create" in caplog.text
