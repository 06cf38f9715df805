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
        self.heeds_terminate = True
        self.heard: list[str] = []

    def poll(self):
        return self.code

    def wait(self, timeout=None):
        if self.code is None and timeout is not None:
            raise subprocess.TimeoutExpired("tray", timeout)
        return self.code

    def terminate(self):
        self.heard.append("terminate")
        if self.heeds_terminate:
            self.code = -signal.SIGTERM

    def kill(self):
        self.heard.append("kill")
        self.code = -9


class FakePulse:
    def __init__(self) -> None:
        self.silent = 0.0

    def begin(self) -> None:
        self.silent = 0.0

    def silent_seconds(self) -> float:
        return self.silent


class Stage:
    """A keeper with a clock to turn and processes to end."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.processes: list[FakeProcess] = []
        self.refuse = False
        self.incidents: list[str] = []
        self.pulse = FakePulse()
        self.tray_supervisor = TraySupervisor(
            ["tray"],
            begin=self._begin,
            clock=lambda: self.now,
            pulse=self.pulse,
            on_incident=self.incidents.append,
        )

    def _begin(self, command):
        if self.refuse:
            raise FileNotFoundError(2, "No such file or directory")
        self.processes.append(FakeProcess(len(self.processes)))
        return self.processes[-1]

    def after(self, seconds: float) -> int:
        """Let so many seconds pass, tick by tick; how many processes there were by then."""
        for _ in range(round(seconds)):
            self.now += 1
            self.tray_supervisor.tick()
        return len(self.processes)


@pytest.fixture
def stage():
    return Stage()


def test_nothing_is_started_before_start(stage):
    assert stage.after(5) == 0
    stage.tray_supervisor.start()
    assert len(stage.processes) == 1
    assert stage.after(500) == 1


def test_a_tray_that_fell_is_started_again_after_longer_and_longer_waits(stage, caplog):
    stage.tray_supervisor.start()
    waits = []
    for _ in range(12):
        stage.processes[-1].code = 1
        before, count = stage.now, len(stage.processes)
        while len(stage.processes) == count:
            stage.after(1)
        waits.append(stage.now - before)
    assert waits[:5] == [2, 3, 5, 9, 17]  # the tick that sees it, and the wait
    assert max(waits) <= 302
    assert caplog.text.count("ended unexpectedly (exit code 1)") == 12


def test_a_tray_that_stood_long_is_started_again_at_once(stage):
    stage.tray_supervisor.start()
    for _ in range(6):
        stage.processes[-1].code = 1
        stage.after(100)
    count = len(stage.processes)
    stage.after(120)
    stage.processes[-1].code = -9  # killed by somebody
    assert stage.after(2) == count + 1


@pytest.mark.parametrize(("code", "word"), [(NO_TRAY, "no tray on this desktop"), (LEFT, "closed")])
def test_a_tray_that_cannot_be_or_was_closed_is_left_alone(stage, caplog, code, word):
    stage.tray_supervisor.start()
    stage.processes[-1].code = code
    with caplog.at_level(logging.INFO):
        assert stage.after(3600) == 1
    assert caplog.text.count(word) == 1
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    assert stage.tray_supervisor.pid is None


def test_another_tray_of_this_installation_is_waited_for_quietly(stage, caplog):
    stage.tray_supervisor.start()
    stage.processes[-1].code = SHOWN_ALREADY
    assert stage.after(20) == 1
    assert stage.after(20) == 2
    assert not caplog.text


def test_a_program_that_cannot_be_started_does_not_hurt(stage, caplog):
    stage.refuse = True
    stage.tray_supervisor.start()
    assert "cannot be started: No such file" in caplog.text
    stage.refuse = False
    assert stage.after(3) == 1


def test_a_tray_without_a_sign_of_life_is_ended_and_started_again(stage):
    stage.tray_supervisor.start()
    stage.processes[0].heeds_terminate = False
    stage.pulse.silent = STUCK_SECONDS - 1
    assert stage.after(1) == 1
    stage.pulse.silent = STUCK_SECONDS
    assert stage.after(3) == 2
    assert stage.processes[0].heard == ["kill"]
    (told,) = stage.incidents
    assert "no sign of life for 60 s" in told
    assert stage.after(100) == 2


def test_stop_ends_it_by_force_if_need_be(stage):
    stage.tray_supervisor.start()
    stage.processes[-1].heeds_terminate = False
    stage.tray_supervisor.stop()
    assert stage.processes[-1].heard == ["terminate", "kill"]
    assert stage.after(1000) == 1


def test_stop_without_a_tray_is_nothing(stage):
    stage.tray_supervisor.stop()
    assert stage.after(10) == 0


def test_a_real_process_that_ignores_everything_is_gone_within_two_seconds():
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    tray_supervisor = TraySupervisor([sys.executable, "-c", code])
    tray_supervisor.start()
    assert tray_supervisor.pid is not None
    began = time.monotonic()
    tray_supervisor.stop()
    assert time.monotonic() - began < 2
    assert tray_supervisor.pid is None
