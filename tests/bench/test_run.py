"""One whole run, as small as possible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from facewatch.cli.bench import table
from facewatch.cli.bench.rows import Plan
from facewatch.cli.bench.run import Order, run
from facewatch.errors import CheckpointMissing
from facewatch.models.files import ModelFiles

TINY = Plan(
    small_megapixels=0.05, large_megapixels=0.2, group_megapixels=0.1, most_repeats=1, rows=("png", "help")
)


def order(plan=TINY):
    return Order((), "cpu", plan)


def test_a_run_measures_the_shipped_picture(tmp_path):
    steps = []
    outcome = run(order(), ModelFiles(tmp_path / "models"), steps.append)
    assert not outcome.failed
    assert [result.row.name for result in outcome.results] == ["png", "help"]
    assert outcome.about["photos"]["detector"] == "yunet"
    assert outcome.about["machine"]["device"] == "cpu"
    assert steps[-1] == "`facewatch --help`"
    lines = table.cells(outcome.results)
    assert [bool(cell) for cell in lines[0]] == [True, True, True]
    assert lines[1][2] == ""  # the measured process does not do the work
    assert json.dumps(table.as_json(outcome, table.HEADINGS, lines, table.notes(outcome)))
    assert not Path(outcome.about["photos"]["crop"]).exists()  # the run's folder is gone


def test_flows_without_their_models_are_left_out_and_named(tmp_path):
    plan = Plan(small_megapixels=0.05, large_megapixels=0.2, group_megapixels=0.1, rows=("png", "detect"))
    outcome = run(order(plan), ModelFiles(tmp_path), lambda _: None)
    assert [result.row.name for result in outcome.results] == ["png"]
    assert not outcome.failed
    assert table.notes(outcome)[-1] == (
        "not measured without retinaface-mobilenet, retinaface-resnet50; "
        "`facewatch models pull NAME` downloads a model"
    )


def test_a_run_without_any_of_its_models_fails(tmp_path):
    with pytest.raises(CheckpointMissing, match="nothing to measure without parsenet"):
        run(order(Plan(rows=("parse",))), ModelFiles(tmp_path), lambda _: None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stages", "pasta"], "there is no stage pasta"),
        (["--photos", "nowhere"], "nowhere is not there"),
        (["--only", "ours"], "No such option"),
    ],
)
def test_wrong_use_is_reported_before_anything_is_started(tmp_path, arguments, words):
    ended = subprocess.run(
        [sys.executable, "-m", "facewatch", "bench", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "FACEWATCH_HOME": str(tmp_path), "COLUMNS": "200"},
        cwd=tmp_path,
        check=False,
    )
    assert ended.returncode == 2
    assert words in ended.stderr
