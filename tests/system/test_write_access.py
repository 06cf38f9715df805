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
@pytest.mark.parametrize("named", ["/proc/x", "/missing/../proc/x", "/tmp/missing/../../proc/x"])
def test_a_folder_below_proc_is_no_full_disk(named):
    problem = write_problem(Path(named))
    assert "/proc" in problem
    assert "free" not in problem
    assert "cannot be" in problem


def test_a_missing_folder_before_dots_is_no_problem_where_both_can_be_made(tmp_path):
    assert write_problem(tmp_path / "missing" / ".." / "copies") == ""
    assert list(tmp_path.iterdir()) == []
