"""`facewatch redo`: the paths of photos."""

from __future__ import annotations

import os

import pytest

from facewatch.state.requests import Request
from tests.pending_requests import take


@pytest.mark.parametrize("path", ["../in/1974/a.jpg", "../in/../in/1974/a.jpg", "../link/a.jpg"])
def test_a_photo_may_be_named_by_any_path(call, places, inbox, tmp_path, monkeypatch, path):
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(inbox / "1974")
    monkeypatch.chdir(tmp_path / "out")
    assert call("redo", path, "--weight", "1").code == 0
    assert take(places, os.getpid()) == [Request("redo", inbox / "1974" / "a.jpg", weight=1.0)]


def test_a_photo_outside_the_watched_folder_is_refused(call, places, inbox, tmp_path, monkeypatch):
    (tmp_path / "other.jpg").write_bytes(b"photo")
    monkeypatch.chdir(inbox / "1974")
    said = call("redo", "../../other.jpg")
    assert said.code == 2
    assert "lies in no watched folder: use `facewatch restore`" in said.err
    assert take(places, os.getpid()) == []


def test_replace_asks_for_the_earlier_copy_to_go_to_the_trash(call, places, inbox):
    said = call("redo", inbox / "1974" / "a.jpg", "--model", "builtin", "--replace")
    assert said.code == 0
    assert "the earlier copy then goes to the trash" in said.out
    wanted = Request("redo", inbox / "1974" / "a.jpg", model="builtin", replace=True)
    assert take(places, os.getpid()) == [wanted]
