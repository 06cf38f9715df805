"""The number of threads follows the free cores."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from facewatch.engine.threads import LATEST_SECONDS, SHORT_SECONDS, FittedThreads, fitting
from facewatch.system.processes import processor_seconds
from tests.clock import Clock

BUSY = "while True: pass"


@pytest.mark.parametrize(
    ("most", "others", "threads"),
    [
        (2, 0.0, 2),
        (2, 0.45, 2),
        (2, 1.0, 1),
        (2, 1.45, 1),
        (2, 1.9, 2),  # no core is free: each thread gets a little of one
        (8, 3.2, 5),
        (8, 7.0, 1),
        (8, 8.0, 8),
        (2, 3.5, 2),  # OMP_NUM_THREADS=2 on a larger machine
        (4, -0.1, 4),  # clocks of different steps
    ],
)
def test_a_thread_for_each_free_core(most, others, threads):
    assert fitting(most, others) == threads


class Machine:
    """Cores that others and we use, in simulated time."""

    def __init__(self, cores=2):
        self.clock, self.others, self.ours = Clock(), 0.0, 0.0
        self.all_seconds = self.own_seconds = 1000.0
        self.counts = []
        self.fitted = FittedThreads(cores, self.counts.append, self.clock, self.seconds, self.run)

    def run(self, seconds):
        self.clock.now += seconds
        self.all_seconds += (self.others + self.ours) * seconds
        self.own_seconds += self.ours * seconds

    def seconds(self):
        return self.all_seconds, self.own_seconds


def test_the_number_follows_what_others_use_from_photo_to_photo():
    machine = Machine()
    machine.fitted.fit()
    assert machine.counts == []  # a quiet machine: as before
    machine.others, machine.ours = 1.0, 1.0
    machine.run(4)
    machine.fitted.fit()
    assert machine.counts == [1]
    machine.others, machine.ours = 0.0, 1.0
    machine.run(4)
    machine.fitted.fit()
    assert machine.counts == [1, 2]


def test_our_own_work_is_no_reason_to_step_back():
    machine = Machine()
    machine.ours = 2.0
    for _ in range(3):
        machine.fitted.fit()
        machine.run(4)
    assert machine.counts == []


def test_after_a_pause_only_the_present_counts():
    machine = Machine()
    machine.fitted.fit()
    machine.others = 0.0
    machine.run(LATEST_SECONDS + 1)
    machine.others = 1.0  # since a moment
    began = machine.clock.now
    machine.fitted.fit()
    assert machine.clock.now - began == pytest.approx(SHORT_SECONDS)
    assert machine.counts == [1]


def test_photos_that_need_no_time_are_no_measurement():
    machine = Machine()
    machine.fitted.fit()
    machine.others = 1.0
    machine.run(SHORT_SECONDS / 2)
    machine.fitted.fit()
    assert machine.counts == []


def test_the_system_counts_the_work_of_others_but_not_as_ours():
    began, (everyone, own) = time.monotonic(), processor_seconds()
    with subprocess.Popen([sys.executable, "-c", BUSY]) as busy:
        time.sleep(1.5)
        busy.kill()
    seconds = time.monotonic() - began
    everyone, own = (now - before for now, before in zip(processor_seconds(), (everyone, own), strict=True))
    assert everyone > 0.2
    assert own < 0.75 * seconds
