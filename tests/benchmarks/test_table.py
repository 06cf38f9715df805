"""The table of the comparison, from known figures."""

from __future__ import annotations

import json

import pytest

from benchmarks import table
from facewatch.cli.bench.case import Sample
from facewatch.cli.bench.measurement import Measured, Result
from facewatch.cli.bench.rows import Flow, Row
from facewatch.cli.bench.run import Outcome
from facewatch.errors import WrongUse

ABOUT = {
    "machine": {
        "cpu": "A Processor",
        "cores": 2,
        "logical_cores": 4,
        "memory_bytes": 16e9,
        "system": "Linux",
        "python": "3.11",
        "torch": "2.15",
        "threads": 2,
        "device_in_words": "cpu (2 threads)",
        "precision": "bfloat16, because this processor has AMX",
        "load_average": [0.1, 0, 0],
    },
    "photos": {"shapes": {"small": [100, 200]}, "detector": "yunet"},
    "random_models": ["parsenet"],
    "missing_models": [],
}


def flow(side, times, label="", units=1, peak=10**9, processor=0.0, **extra):
    samples = [
        Sample({"total": time, "detection": time / 4, "parsing": time / 2}, peak, 0, extra, processor)
        for time in times
    ]
    return Measured(Flow("peers:x", side=side, label=label, units=units), None, samples)


def result(*flows, unit=""):
    row = Row("whole", "a photo", tuple(one.flow for one in flows), unit=unit)
    return Result(row, flows)


def notes(results):
    return table.notes(Outcome(ABOUT, tuple(results)))


def test_a_line_holds_median_spread_ratios_and_memory_and_is_above_its_stages():
    lines = table.cells(
        [result(flow("ours", [1, 2, 4]), flow("reference", [20, 30, 40], peak=7 * 10**9), flow("tuned", [9]))]
    )
    assert lines == [
        ("a photo", "2 (1-4)", "30 (20-40)", "15 x", "9", "4.5 x", "1.00 / 7.00"),
        ("- detection", "0.5", "7.5", "15 x", "2.25", "4.5 x", ""),
        ("- parsing", "1", "15", "15 x", "4.5", "4.5 x", ""),
        ("- the rest", "0.5", "7.5", "15 x", "2.25", "4.5 x", ""),
    ]


def test_each_flow_of_ours_has_a_line_and_the_reference_counts_at_its_best():
    lines = table.cells(
        [
            result(
                flow("ours", [1]),
                flow("ours", [2], "float32"),
                flow("reference", [12], "batch 1"),
                flow("reference", [32], "batch 4", units=4),
                unit="faces",
            )
        ]
    )
    assert [(line[0], line[2], line[3]) for line in lines] == [
        ("a photo", "8", "8 x"),
        ("a photo, float32", "8", "4 x"),
    ]


def test_failures_are_listed_below_the_table():
    broken = Measured(Flow("peers:x", side="reference"), failure="not run: it needs 12 GB")
    found = [result(flow("ours", [2, 2]), broken)]
    assert table.cells(found)[0][:4] == ("a photo", "2 (2-2)", "", "")
    assert notes(found) == ["a photo, reference: not run: it needs 12 GB"]


def test_other_figures_are_put_into_words():
    found = [
        result(flow("ours", [1], bytes=103, times_the_file=1.1), flow("reference", [8], bytes=100)),
        result(flow("ours", [1], idle_core_percent=0.3, idle_bytes=70e6, gpu_busy_percent=91.5)),
        result(
            flow("ours", [8, 8], processor=12.0, units=4),
            flow("reference", [9], processor=18.0),
            unit="photos",
        ),
    ]
    words = "\n".join(notes(found))
    assert "1.1 times the checkpoint's size" in words
    assert "a photo: 1.030 of the reference's bytes" in words
    assert "idle at 0.3 % of a core and 70 MB" in words
    assert "the GPU busy 91.5 % of the time" in words
    assert "0.5 photos a second" in words
    assert "a photo: 3 processor seconds (reference 18, 6 x)" in words


def test_the_document_describes_the_machine():
    found = [result(flow("ours", [1]))]
    text = table.markdown(table.about_lines(ABOUT), table.cells(found), notes(found))
    assert "A Processor, 2 cores (4 logical), 16 GB" in text
    assert "Random weights of the published form: parsenet." in text
    assert "200 x 100; faces found by yunet" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1


def test_json_holds_all_figures():
    outcome = Outcome(ABOUT, (result(flow("ours", [1, 2])),))
    data = json.loads(json.dumps(table.as_json(outcome, table.HEADINGS, table.cells(outcome.results), [])))
    (row,) = data["rows"]
    assert row["flows"][0]["median_seconds"] == 1.5
    assert [sample["seconds"]["total"] for sample in row["flows"][0]["samples"]] == [1, 2]
    assert data["machine"]["cpu"] == "A Processor"


def test_only_the_text_between_the_marks_is_replaced(tmp_path):
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", "utf-8")
    for text in ("new\n", "newer\n"):
        table.write_between(document, text)
        assert document.read_text("utf-8") == f"before\n{table.BEGIN}\n\n{text}\n{table.END}\nafter\n"


@pytest.mark.parametrize("content", [None, "no marks", f"{table.END} {table.BEGIN}", table.BEGIN])
def test_a_file_without_the_marks_is_left_as_it_is(tmp_path, content):
    document = tmp_path / "performance.md"
    if content is not None:
        document.write_text(content, "utf-8")
    with pytest.raises(WrongUse, match=r"performance\.md"):
        table.write_between(document, "new")
    assert content is None or document.read_text("utf-8") == content
