"""A driver that is killed at random moments and started again: each photo once, nothing left over."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")

from facewatch.archive.store import open_store
from facewatch.archive.verification import verify
from tests.archive.conftest import files_below
from tests.archive.test_run import rows_of
from tests.conftest import ROOT

KILLS = int(os.environ.get("FACEWATCH_ARCHIVE_KILLS", "4"))


@pytest.mark.timeout(60 + 30 * KILLS)
def test_a_driver_killed_again_and_again_loses_nothing_and_does_nothing_twice(photos, tmp_path):
    chance = random.Random(KILLS)
    ordinary = [f"{number:03d}.jpg" for number in range(40)]
    source = photos(*ordinary, *(f"slow-{number}.jpg" for number in range(2 * KILLS)))
    names = {path.name for path in source.iterdir()}
    command = [sys.executable, "-m", "tests.archive.driver_process", str(source), str(tmp_path / "out")]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)}
    killed = 0
    for _ in range(KILLS):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as driver:
            assert driver.stdout is not None
            assert driver.stdout.readline() == "begins\n"
            time.sleep(chance.uniform(0.1, 1.5))
            killed += driver.poll() is None
            driver.kill()
    assert killed > 0
    assert (
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120).returncode == 0
    )
    assert files_below(tmp_path / "out") == names
    assert Counter(row["output"] for row in rows_of(tmp_path / "out")).keys() == names
    assert not verify(open_store(str(source)), open_store(str(tmp_path / "out"))).problems
    assert [each.name for each in scratch.iterdir()] == []
