"""Files and folders named on the command line."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("command", ["compare", "demo", "redo"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder", "folder is a folder; name a photo in it"),
        ("b" * 300 + ".jpg", "b.jpg is not there, or cannot be reached; name a photo"),
        ("notes.txt/a.jpg", "a.jpg is not there, or cannot be reached; name a photo"),
        ("~unknown-user/a.jpg", "a.jpg is not there, or cannot be reached; name a photo"),
    ],
)
def test_an_argument_that_is_not_a_photo_is_explained(call, tmp_path, command, name, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_bytes(b"")
    said = call(command, name)
    assert (said.code, words in said.err) == (2, True), said.err


@pytest.mark.parametrize(
    "command",
    [
        "restore ~unknown-user/a.jpg",
        "config check --config ~unknown-user/c.toml",
        "models add my ~unknown-user/a.pth",
    ],
)
def test_a_home_of_an_unknown_user_is_wrong_use(call, command):
    assert call(*command.split()).code == 2


@pytest.mark.parametrize("command", ["models", "models pull gfpgan-1.4", "models verify"])
def test_a_models_folder_that_is_a_file_is_explained(call, tmp_path, monkeypatch, command):
    (tmp_path / "notes.txt").write_bytes(b"")
    monkeypatch.setenv("FACEWATCH_MODELS", str(tmp_path / "notes.txt"))
    said = call(*command.split())
    assert said.code == 1
    assert f"{tmp_path / 'notes.txt'} is no folder, so no model can be kept there" in said.err
    assert "delete" not in said.err
