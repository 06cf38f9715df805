"""The supervision of the tray process."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time

import pytest

from facewatch.daemon.tray_supervisor import LEFT, NO_TRAY, SHOWN_ALREADY, STUCK_SECONDS, TraySupervisor


class FakeProcess:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self.obeys_terminate = True
        self.signals: list[str] = []

    def poll(self):
        return self.code

    def wait(self, timeout=None):
        if self.code is None and timeout is not None:
            raise subprocess.TimeoutExpired("tray", timeout)
        return self.code

    def terminate(self):
        self.signals.append("terminate")
        if self.obeys_terminate:
            self.code = -signal.SIGTERM

    def kill(self):
        self.signals.append("kill")
        self.code = -9


class FakeHeartbeat:
    def __init__(self) -> None:
        self.silent = 0.0

    def begin(self) -> None:
        self.silent = 0.0

    def silent_seconds(self) -> float:
        return self.silent


class SupervisorHarness:
    """A supervisor with a fake clock and fake processes."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.processes: list[FakeProcess] = []
        self.refuse = False
        self.incidents: list[str] = []
        self.heartbeat = FakeHeartbeat()
        self.tray_supervisor = TraySupervisor(
            ["tray"],
            begin=self._begin,
            clock=lambda: self.now,
            heartbeat=self.heartbeat,
            on_incident=self.incidents.append,
        )

    def _begin(self, command):
        if self.refuse:
            raise FileNotFoundError(2, "No such file or directory")
        self.processes.append(FakeProcess(len(self.processes)))
        return self.processes[-1]

    def after(self, seconds: float) -> int:
        """Let so many seconds pass, tick by tick; return the number of processes so far."""
        for _ in range(round(seconds)):
            self.now += 1
            self.tray_supervisor.tick()
        return len(self.processes)


@pytest.fixture
def harness():
    return SupervisorHarness()


def test_nothing_is_started_before_start(harness):
    assert harness.after(5) == 0
    harness.tray_supervisor.start()
    assert len(harness.processes) == 1
    assert harness.after(500) == 1


def test_a_tray_that_crashed_is_started_again_after_longer_and_longer_waits(harness, caplog):
    harness.tray_supervisor.start()
    waits = []
    for _ in range(12):
        harness.processes[-1].code = 1
        before, count = harness.now, len(harness.processes)
        while len(harness.processes) == count:
            harness.after(1)
        waits.append(harness.now - before)
    assert waits[:5] == [2, 3, 5, 9, 17]  # the tick that sees it, and the wait
    assert max(waits) <= 302
    assert caplog.text.count("ended unexpectedly (exit code 1)") == 12


def test_a_tray_that_ran_long_is_started_again_at_once(harness):
    harness.tray_supervisor.start()
    for _ in range(6):
        harness.processes[-1].code = 1
        harness.after(100)
    count = len(harness.processes)
    harness.after(120)
    harness.processes[-1].code = -9  # killed by a user
    assert harness.after(2) == count + 1


@pytest.mark.parametrize(("code", "word"), [(NO_TRAY, "no tray on this desktop"), (LEFT, "closed")])
def test_a_tray_that_is_impossible_or_was_closed_is_left_alone(harness, caplog, code, word):
    harness.tray_supervisor.start()
    harness.processes[-1].code = code
    with caplog.at_level(logging.INFO):
        assert harness.after(3600) == 1
    assert caplog.text.count(word) == 1
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    assert harness.tray_supervisor.pid is None


def test_another_tray_of_this_installation_is_waited_for_quietly(harness, caplog):
    harness.tray_supervisor.start()
    harness.processes[-1].code = SHOWN_ALREADY
    assert harness.after(20) == 1
    assert harness.after(20) == 2
    assert not caplog.text


def test_a_program_that_cannot_be_started_is_tried_again(harness, caplog):
    harness.refuse = True
    harness.tray_supervisor.start()
    assert "cannot be started: No such file" in caplog.text
    harness.refuse = False
    assert harness.after(3) == 1


def test_a_tray_without_a_sign_of_life_is_ended_and_started_again(harness):
    harness.tray_supervisor.start()
    harness.processes[0].obeys_terminate = False
    harness.heartbeat.silent = STUCK_SECONDS - 1
    assert harness.after(1) == 1
    harness.heartbeat.silent = STUCK_SECONDS
    assert harness.after(3) == 2
    assert harness.processes[0].signals == ["kill"]
    (incident,) = harness.incidents
    assert "no sign of life for 60 s" in incident
    assert harness.after(100) == 2


def test_stop_ends_it_by_force_if_necessary(harness):
    harness.tray_supervisor.start()
    harness.processes[-1].obeys_terminate = False
    harness.tray_supervisor.stop()
    assert harness.processes[-1].signals == ["terminate", "kill"]
    assert harness.after(1000) == 1


def test_stop_without_a_tray_does_nothing(harness):
    harness.tray_supervisor.stop()
    assert harness.after(10) == 0


def test_a_real_process_that_ignores_everything_is_gone_within_two_seconds():
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    tray_supervisor = TraySupervisor([sys.executable, "-c", code])
    tray_supervisor.start()
    assert tray_supervisor.pid is not None
    began = time.monotonic()
    tray_supervisor.stop()
    assert time.monotonic() - began < 2
    assert tray_supervisor.pid is None
