"""`facewatch demo`: what it refuses before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from facewatch.cli.demo import demo
from facewatch.errors import FacewatchError


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(_: Path) -> None:
        raise FacewatchError("the daemon would start now")

    monkeypatch.setattr(demo, "_daemon", started)


@pytest.mark.parametrize("name", ["notes.txt", ".hidden.jpg", "a.jpg.part", "thumbs.db"])
def test_a_file_that_the_daemon_would_ignore_is_refused(call, tmp_path, name):
    (tmp_path / name).write_bytes(b"words")
    said = call("demo", name, "-o", "shown")
    assert said.code == 2
    assert f"{name} does not have the name of a photo" in said.err
    assert not (tmp_path / "shown").exists()


def test_a_photo_may_be_named_by_a_relative_path(call, tmp_path):
    (tmp_path / "a.JPG").write_bytes(b"photo")
    assert "the daemon would start now" in call("demo", "a.JPG", "-o", "shown").err


def test_a_folder_that_no_config_can_name_is_refused(call, tmp_path):
    said = call("demo", "-o", "sh\udcf6wn")
    assert (said.code, "is not UTF-8" in said.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("mistake", "code", "words"),
    [
        (["-m", "nope"], 2, "unknown name"),
        (["-w", "1.4"], 2, "the weight 1.4 is not possible"),
        (["-m", "codeformer"], 1, "facewatch models accept codeformer"),
    ],
)
def test_a_corrected_command_may_name_the_same_folder(call, tmp_path, mistake, code, words):
    said = call("demo", *mistake, "-o", "shown")
    assert (said.code, words in said.err) == (code, True), said.err
    assert not (tmp_path / "shown").exists()
    assert "the daemon would start now" in call("demo", "-o", "shown").err


def test_a_folder_that_is_not_empty_is_refused_before_any_download(call, tmp_path):
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "a.jpg").write_bytes(b"photo")
    said = call("demo", "-m", "codeformer", "-o", "shown")
    assert (said.code, "shown is not empty; name a new folder" in said.err) == (2, True)
