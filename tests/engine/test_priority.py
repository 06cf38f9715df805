"""The engine's priority among the programs of the computer."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import psutil
import pytest

from facewatch.engine.process import EngineProcess
from facewatch.restoration.options import Setup
from facewatch.system.processes import NICE

SETUP = Setup("builtin", "yunet", "yunet", None, None, "cpu", None, 0.9)


@pytest.fixture
def started():
    engines = []

    def start(setup):
        engines.append(EngineProcess(setup, timeout_seconds=100))
        engines[-1].start()
        return psutil.Process(engines[-1].pid)

    yield start
    for engine in engines:
        engine.close()


def test_other_programs_go_before_a_background_engine_and_its_threads(started):
    process = started(dataclasses.replace(SETUP, background=True))
    if sys.platform == "win32":
        assert process.nice() == psutil.BELOW_NORMAL_PRIORITY_CLASS
        return
    assert process.nice() == NICE
    if sys.platform != "linux":
        return
    assert process.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
    threads = [psutil.Process(thread.id).nice() for thread in process.threads()]
    assert len(threads) > 1
    assert threads.count(NICE) >= len(threads) - 1  # all but the one that waits for requests
    autogroup = Path(f"/proc/{process.pid}/autogroup")
    if autogroup.exists():
        assert autogroup.read_text().split()[-1] == str(NICE)


def test_an_engine_that_somebody_waits_for_keeps_its_priority(started):
    assert started(SETUP).nice() == psutil.Process().nice()
