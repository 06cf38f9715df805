"""The benchmark beside busy programs, with flows that a test makes up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.neighbour import Busy, Line, Neighbours, lower, table
from facewatch.cli.bench.case import Sample
from facewatch.cli.bench.rows import Flow, Row
from facewatch.system.processes import NICE


class FakeProcess:
    """Stands in for a measured process."""

    pid = 0
    asked = 0

    def start(self):
        return Sample({"total": 9.0}, 0)

    def repeat(self):
        self.asked += 1
        return Sample({"total": float(self.asked)}, 0)

    def close(self):
        self.closed = True


def test_busy_programs_count_their_work_and_end():
    busy = Busy(2)
    with busy.running():
        pass
    assert busy.rate > 0
    nobody = Busy(0)
    with nobody.running():
        pass
    assert nobody.rate == 0


def test_every_flow_is_measured_beside_every_number_of_programs(monkeypatch):
    lowered, started, asked = [], [], []
    monkeypatch.setattr("benchmarks.neighbour.lower", lowered.append)
    monkeypatch.setattr("benchmarks.neighbour.ALONE_SECONDS", 0.01)
    flows = (Flow("a:ours"), Flow("a:theirs", side="reference"))

    def start(flow):
        asked.append(flow)
        started.append(FakeProcess())
        return started[-1]

    measured = Neighbours((0, 1), 2, lambda _: None)
    measured.measure(Row("whole-small", "a photo", flows), start, lambda: 1e9)
    assert [(line.busy, line.what) for line in measured.lines] == [
        (busy, what)
        for busy in (0, 1)
        for what in (
            "background",
            "background, soft mask (the default)",
            "normal priority",
            "reference",
        )
    ]
    assert measured.lines[0].seconds == [2.0, 3.0]  # after one photo that does not count
    assert lowered == [0, 0]
    assert [flow.args for flow in asked] == [
        {"background": True},
        {"background": True, "mask": "soft"},
        {},
        {},
    ]
    assert all(process.closed for process in started)


def test_the_table_compares_with_the_reference_beside_as_many_programs():
    lines = [Line(1, "background", [2.0, 1.0, 4.0], 0.05), Line(1, "reference", [12.0], 0.5)]
    assert table(lines).splitlines()[2:] == [
        "| 1 | background | 2 (1-4) | 6 x | 5% |",
        "| 1 | reference | 12 (12-12) | 1 x | 50% |",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux a priority belongs to a thread")
def test_every_thread_of_a_background_flow_steps_back():
    code = """
import threading, sys
threading.Thread(target=threading.Event().wait, daemon=True).start()
print(flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        lower(process.pid)
        threads = [int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()]
        assert len(threads) == 2
        assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {NICE}
        process.communicate()
