"""`facewatch config init`: the first config, and the usual folder for one that names none."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest

from facewatch.models import catalogue
from facewatch.settings.installation import open_store


@pytest.mark.parametrize(
    "text",
    [
        'model = "builtin"  # no download\n',
        'model = "builtin"  # no download\nfolders = []  # none yet\n[weights]\ncodeformer = 0.5\n',
        'model = "builtin"  # no download\n\n[restoration]\nupscale = 2\n# [[folders]]\n# input = "x"',
    ],
)
def test_a_config_that_names_no_folder_is_given_the_usual_one(call, places, text):
    places.config.parent.mkdir()
    places.config.write_text(text, "utf-8")
    before = open_store(places).load()
    said = call("config", "init")
    assert said.code == 0, said.err
    assert said.out.startswith(f"added the usual folder to {places.config}\n")
    settings = open_store(places).load()
    home = places.pictures / "Facewatch"
    assert [(folder.input, folder.output) for folder in settings.folders] == [
        (home / "Inbox", home / "Restored")
    ]
    assert settings.model_copy(update={"folders": ()}) == before
    assert (home / "Inbox").is_dir()
    kept = places.config.read_text("utf-8")
    assert all(line in kept for line in text.splitlines() if not line.startswith("folders"))


@pytest.mark.parametrize("first", [["pause"], ["set", "model", "builtin"], ["set", "suffix", "-restored"]])
def test_the_folder_is_added_whatever_command_made_the_config(call, places, first):
    assert call(*first).code == 0
    assert call("config", "init").code == 0
    assert len(open_store(places).load().folders) == 1


def test_a_config_with_folders_is_left_alone(call, places, inbox):
    before = places.config.read_bytes()
    said = call("config", "init")
    assert said.code == 2
    assert f"{places.config} is there already" in said.err
    assert places.config.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "words"), [("modle = 1\n", "unknown key modle"), ("model =\n", "not valid TOML")]
)
def test_a_config_that_is_wrong_is_not_added_to(call, places, text, words):
    places.config.parent.mkdir()
    places.config.write_text(text, "utf-8")
    said = call("config", "init")
    assert (said.code, words in said.err) == (2, True)
    assert places.config.read_text("utf-8") == text


@pytest.mark.parametrize("named", [(), ("--config", "own.toml")])
def test_the_advice_of_run_works(call, places, tmp_path, named):
    config = tmp_path / "own.toml" if named else places.config
    config.parent.mkdir(exist_ok=True)
    config.write_text("paused = false\n", "utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "facewatch", "run", "--no-tray", *named],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 2
    (advice,) = re.findall(r"names no folder to watch; `facewatch (.*)` adds the usual one", run.stderr)
    assert call(*advice.split()).code == 0
    assert "[[folders]]" in config.read_text("utf-8")


def test_check_refuses_what_the_daemon_refuses(call, places):
    said = call("config", "check")
    assert said.code == 2
    assert f"{places.config} names no folder to watch; `facewatch config init` adds the usual one" in said.err
    call("pause")
    assert call("config", "check").code == 2


def test_check_names_folders_that_cannot_be_used(call, places, tmp_path):
    places.config.parent.mkdir(parents=True)
    places.config.write_text(
        f'[[folders]]\ninput = "{(tmp_path / "gone").as_posix()}"\noutput = "/proc/restored"\n', "utf-8"
    )
    said = call("config", "check")
    assert said.code == 1
    assert "gone is not a folder, or cannot be reached" in said.err
    if os.path.isdir("/proc"):  # noqa: PTH112
        assert "/proc/restored cannot be made" in said.err or "/proc cannot be written to" in said.err


def test_check_counts_the_folders(call, places, inbox):
    assert call("config", "check").out == f"{places.config}: OK, 1 watched folder\n"


def test_a_first_config_has_the_model_that_was_named(call, places):
    said = call("config", "init", "--model", "codeformer")
    assert said.code == 0, said.err
    assert "`facewatch models pull codeformer`" in said.out
    assert open_store(places).load().model == "codeformer"


def test_an_unknown_model_is_not_written(call, places):
    said = call("config", "init", "--model", "codefomer")
    assert said.code != 0
    assert "codeformer" in said.err
    assert not places.config.exists()


def test_a_terminal_is_asked_for_the_model(call, places, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal("99\n2\n"))
    said = call("config", "init")
    assert said.code == 0, said.err
    assert "1 builtin (included)" in said.out
    assert "2 gfpgan-1.4 (download 348.6 MB, non-commercial)" in said.out
    assert open_store(places).load().model == "gfpgan-1.4"


def test_a_model_that_only_a_browser_can_download_is_said_to_come_so(call, places, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal("1\n"))
    said = call("config", "init")
    rows = {row.name: row for row in catalogue.MODELS if row.kind == "face" and row.checkpoint}
    for line in said.out.splitlines():
        name = line.split(" ")[3] if line.startswith("  ") else ""
        if name in rows:
            assert ("by browser" in line) == (not rows[name].checkpoint.url), line
    assert "vqfr-1 (by browser" in said.out


@pytest.mark.parametrize(("typed", "weight"), [("balanced", 0.5), ("Faithful", 0.8), ("0.30", 0.3), ("1", 1)])
def test_a_weight_is_set_by_word_or_number(call, places, typed, weight):
    said = call("set", "weight", typed)
    assert said.code == 0, said.err
    assert set(open_store(places).load().weights.values()) == {weight}


@pytest.mark.parametrize("typed", ["3", "stark", "0,5", "-1", "true"])
def test_a_weight_that_is_none_names_the_words_and_the_range(call, places, typed):
    said = call("set", "weight", typed)
    assert said.code == 2
    assert f"the weight {typed} is not possible: 0 (strong) to 1 (closest to the original)" in said.err


class Terminal(io.StringIO):
    def isatty(self):
        return True
