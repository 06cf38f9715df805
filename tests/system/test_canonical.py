"""One folder under several paths."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from facewatch.system.canonical import as_walked, path_within

links = pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make symlinks")


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "data" / "in" / "Restored").mkdir(parents=True)
    return tmp_path / "data" / "in"


def test_a_folder_outside_is_not_below(root):
    assert path_within(root.with_name("in2"), root) is None
    assert as_walked(root.parent, root) is None
    assert as_walked(root, root) is None


def test_dots_lead_to_the_folder_that_a_walk_finds(root):
    assert as_walked(root / ".." / "in" / "Restored", root) == root / "Restored"


@links
def test_a_link_into_the_root_leads_there(root, tmp_path):
    (tmp_path / "out").symlink_to(root / "Restored")
    assert as_walked(tmp_path / "out", root) == root / "Restored"
    assert as_walked(tmp_path / "out" / "1974", root) == root / "Restored" / "1974"


@links
def test_a_root_behind_a_link_keeps_its_own_path(root, tmp_path):
    (tmp_path / "Pictures").symlink_to(root.parent)
    spelled = tmp_path / "Pictures" / "in"
    assert as_walked(root / "Restored", spelled) == spelled / "Restored"
    assert path_within(spelled, root) == Path()


def test_a_folder_that_does_not_exist_yet_counts_by_its_name(root):
    assert as_walked(root / "later" / "Restored", root) == root / "later" / "Restored"
    assert (
        as_walked(root.with_name("no") / "Restored", root.with_name("no"))
        == root.with_name("no") / "Restored"
    )


def test_where_case_does_not_matter_the_listed_name_is_returned(root, monkeypatch):
    lexists = os.path.lexists
    monkeypatch.setattr(
        "os.path.lexists", lambda path: lexists(path) or lexists(Path(path).with_name("Restored"))
    )
    assert as_walked(root / "RESTORED", root) == root / "Restored"
