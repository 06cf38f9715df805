"""Whether copies can be written to a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from facewatch.system.write_access import write_problem


def test_a_folder_that_can_be_made_has_no_problem_and_is_left_alone(tmp_path):
    assert write_problem(tmp_path / "a" / "b") == ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "a").touch()
    assert (
        write_problem(tmp_path / "a" / "b")
        == f"{tmp_path / 'a'} is a file, not a folder: choose another place"
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_a_folder_below_proc_is_no_full_disk():
    problem = write_problem(Path("/proc/x"))
    assert "/proc" in problem
    assert "free" not in problem
    assert "cannot be" in problem
