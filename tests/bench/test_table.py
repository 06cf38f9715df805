"""The table of `facewatch bench`, from known figures."""

from __future__ import annotations

from facewatch.cli.bench import table
from facewatch.cli.bench.case import Sample
from facewatch.cli.bench.measurement import Measured, Result
from facewatch.cli.bench.rows import Flow, Row
from facewatch.cli.bench.run import Outcome


def result(*times, unit="", **flow):
    samples = [Sample({"total": time, "detection": time / 4}, 10**9) for time in times]
    measured = Measured(Flow("ours:x", **flow), None, samples)
    return Result(Row("whole", "a photo", (measured.flow,), unit=unit), (measured,))


def test_a_line_holds_median_spread_and_memory_and_is_above_its_stages():
    assert table.cells([result(1, 2, 4)]) == [("a photo", "2 (1-4)", "1.00"), ("- detection", "0.5", "")]


def test_flows_side_by_side_show_no_stages_and_photos_a_second():
    found = [result(8, unit="photos", units=4, label="fast")]
    assert table.cells(found) == [("a photo, fast", "2", "1.00")]
    outcome = Outcome({"missing_models": []}, tuple(found))
    assert table.notes(outcome) == ["a photo, fast: 0.5 photos a second"]


def test_memory_is_left_out_where_other_processes_work():
    assert table.cells([result(1, own_memory=False)])[0][2] == ""
