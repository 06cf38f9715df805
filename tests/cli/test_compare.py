"""`facewatch compare`: what it refuses before it computes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from facewatch.cli import compare


@pytest.fixture(autouse=True)
def nothing_is_computed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def computed(*_: object, **__: object) -> None:
        raise AssertionError("the models were loaded")

    monkeypatch.setattr(compare, "_recipes", computed)
    (tmp_path / "a.jpg").write_bytes(b"photo")


@pytest.mark.parametrize("output", ["missing/x.jpg", "a.jpg/x.jpg"])
def test_a_sheet_whose_folder_is_not_there_is_refused(call, tmp_path, output):
    said = call("compare", "a.jpg", "-m", "builtin", "-o", output)
    assert said.code == 2
    folder = (tmp_path / output).parent
    assert f"{folder} is not a folder, or cannot be reached; make it, or name another place" in said.err


def test_a_sheet_that_cannot_be_written_is_refused(call, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    said = call("compare", "a.jpg", "-m", "builtin")
    assert said.code == 2
    assert f"{tmp_path} cannot be written to; name another place for the sheet with --output" in said.err


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (None, ""),
        ({"similarity": 0.714, "verdict": "same"}, ", similarity 0.71"),
        ({"similarity": 0.2, "verdict": "other"}, ": NOT THE SAME PERSON (similarity 0.20)"),
        ({"similarity": None, "verdict": "other"}, ": NOT THE SAME PERSON"),
        ({"similarity": 0.3, "verdict": "cannot judge"}, ", too unclear to compare"),
    ],
)
def test_a_label_marks_a_model_that_loses_the_person(identity, words):
    assert compare.identity_words({"identity": identity}) == words
