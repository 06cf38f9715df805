"""The measurement of one row: order of the processes, failures, and the samples."""

from __future__ import annotations

from dataclasses import replace

import pytest

from facewatch.cli.bench.case import Sample
from facewatch.cli.bench.measurement import measure
from facewatch.cli.bench.rows import Flow, Row
from facewatch.errors import FlowFailed


class FakeProcess:
    """Answers with given times and records its requests in the diary."""

    def __init__(self, name, diary, seconds=(1.0,), fails_at=None):
        self.name, self.diary, self.seconds, self.fails_at = name, diary, list(seconds), fails_at

    def _did(self, what):
        self.diary.append(f"{self.name} {what}")
        if what == self.fails_at:
            raise FlowFailed(f"{self.name} has failed")

    def start(self):
        self._did("start")
        return Sample({"total": 9.0}, 1)

    def repeat(self):
        self._did("repeat")
        total = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        return Sample({"total": total, "detection": total / 2}, round(total * 100))

    def close(self):
        self.diary.append(f"{self.name} close")


OURS, THEIRS = Flow("a", warm=0), Flow("b", side="reference", warm=0)


def flows(diary, **theirs):
    made = {"a": lambda: FakeProcess("a", diary), "b": lambda: FakeProcess("b", diary, **theirs)}
    return lambda flow: made[flow.maker]()


def plenty():
    return 1e12


def test_flows_take_turns_ours_first_and_last_and_all_are_ended():
    diary = []
    result = measure(Row("x", "x", (OURS, THEIRS), repeats=2), flows(diary), plenty)
    turns = ["a repeat", "b repeat", "a repeat", "b repeat", "a repeat"]
    assert diary == ["a start", "b start", *turns, "b close", "a close"]
    assert [len(one.samples) for one in result.flows] == [3, 2]


def test_warm_up_repetitions_do_not_count():
    diary = []
    row = Row("x", "x", (Flow("b", warm=2),), repeats=2)
    (one,) = measure(row, flows(diary, seconds=(9, 9, 1, 2, 3)), plenty).flows
    assert one.seconds() == [1, 2, 3]
    assert one.median() == 2
    assert one.median("detection") == 1
    assert one.peak_bytes == 300


def test_seconds_are_for_one_unit():
    row = Row("x", "x", (Flow("b", warm=0, units=4),), repeats=1)
    (one,) = measure(row, flows([], seconds=(8,)), plenty).flows
    assert one.median() == 2


@pytest.mark.parametrize("moment", ["start", "repeat"])
def test_a_failed_flow_is_recorded_and_the_others_continue(moment):
    diary = []
    row = Row("x", "x", (OURS, THEIRS), repeats=2)
    ours, theirs = measure(row, flows(diary, fails_at=moment), plenty).flows
    assert len(ours.samples) == 3
    assert theirs.failure == "b has failed"
    assert diary.count(f"b {moment}") == 1
    assert diary[-2:] == ["b close", "a close"]


def test_a_flow_that_needs_more_memory_than_is_free_is_not_run():
    diary = []
    row = Row("x", "x", (OURS, replace(THEIRS, needs_gb=12)), repeats=1)
    ours, theirs = measure(row, flows(diary), lambda: 7e9).flows
    assert ours.samples
    assert theirs.failure == "not run: it needs 12 GB of memory, and 7.0 GB are free"
    assert "b start" not in diary


def test_each_repetition_is_a_new_process_if_the_start_is_measured():
    diary = []
    row = Row("x", "x", (OURS, THEIRS), repeats=2, fresh=True)
    result = measure(row, flows(diary), plenty)
    assert diary == ["a start", "a close", "b start", "b close"] * 3  # the first fills the file cache
    assert [one.seconds() for one in result.flows] == [[9, 9], [9, 9]]
