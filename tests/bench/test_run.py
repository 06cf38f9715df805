"""One whole run, as small as it can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from facewatch.cli.bench import run as running
from facewatch.cli.bench.plan import Plan
from facewatch.cli.bench.run import Order, run
from facewatch.cli.bench.table import as_json, cells
from facewatch.errors import WrongUse
from facewatch.models.files import ModelFiles

TINY = Plan(
    small_megapixels=0.05, large_megapixels=0.2, group_megapixels=0.1, most_repeats=1, rows=("png", "help")
)


def order(plan=TINY, photos=(), *, only_ours=False):
    return Order(photos, "cpu", plan, only_ours)


def test_a_run_measures_both_sides_on_the_shipped_picture(tmp_path):
    heard = []
    outcome = run(order(), ModelFiles(tmp_path / "models"), heard.append)
    assert not outcome.failed
    assert [result.row.name for result in outcome.results] == ["png", "help"]
    assert outcome.about["photos"]["detector"] == "yunet"
    assert outcome.about["machine"]["device"] == "cpu"
    assert heard[-1] == "`facewatch --help`"
    first = cells(outcome.results)[0]
    assert first[1]
    assert first[3].endswith(" x")
    assert json.dumps(as_json(outcome.about, outcome.results))
    assert not Path(outcome.about["photos"]["crop"]).exists()  # the run's folder is gone


def test_without_the_peers_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(running.importlib.util, "find_spec", lambda _: None)
    plan = Plan(rows=("gfpgan",))
    with pytest.raises(WrongUse, match=r"pip install 'facewatch\[reference\]'.*--only ours"):
        run(order(plan), ModelFiles(tmp_path), print)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "theirs"], "--only ours"),
        (["--stages", "pasta"], "there is no stage pasta"),
        (["--photos", "nowhere"], "nowhere is not there"),
    ],
)
def test_wrong_use_is_told_before_anything_is_started(tmp_path, arguments, words):
    home = {**os.environ, "FACEWATCH_HOME": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-m", "facewatch", "bench", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=home,
        cwd=tmp_path,
        check=False,
    )
    assert told.returncode == 2
    assert words in told.stderr
