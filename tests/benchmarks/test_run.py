"""One whole comparison, as small as possible."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from benchmarks import __main__ as program
from benchmarks import models, table
from benchmarks.rows import rows_for
from facewatch.cli.bench.rows import Plan
from facewatch.cli.bench.run import Order, run
from facewatch.errors import WrongUse
from facewatch.models.files import ModelFiles
from tests.conftest import ROOT

TINY = Plan(
    small_megapixels=0.05,
    large_megapixels=0.2,
    group_megapixels=0.1,
    most_repeats=1,
    rows=("png", "help", "paste-2-x1"),
)


def test_a_run_measures_both_sides_on_the_shipped_picture(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    files = ModelFiles(tmp_path / "models")
    outcome = run(Order((), "cpu", TINY), files, lambda _: None, rows_for, models.provide)
    assert not outcome.failed, table.notes(outcome)
    assert [result.row.name for result in outcome.results] == ["paste-2-x1", "png", "help"]
    lines = table.cells(outcome.results)
    assert all(line[1] and line[3].endswith(" x") for line in lines[:2])
    assert json.dumps(table.as_json(outcome, table.HEADINGS, lines, table.notes(outcome)))
    assert models.missing(files, outcome) == ["parsenet", "retinaface-resnet50"]  # random ones were written


def test_without_gfpgan_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(program.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(WrongUse, match=r"pip install 'facewatch\[reference\]'.*`facewatch bench`"):
        program.require_gfpgan(Order((), "cpu", Plan(rows=("gfpgan",))))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stages", "pasta"], "there is no stage pasta"),
        (["--stages", "png", "--photos", "nowhere"], "nowhere is not there"),
    ],
)
def test_wrong_use_is_reported_before_anything_is_started(tmp_path, arguments, words):
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "FACEWATCH_HOME": str(tmp_path)},
        cwd=ROOT,
        check=False,
    )
    assert ended.returncode == 2
    assert words in ended.stderr
