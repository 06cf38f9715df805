"""The command by its conventions: exit codes, help, suggestions, and a terminal of 80 columns."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from facewatch.cli.control import _end_of
from facewatch.cli.main import ALREADY_RUNNING, COMMANDS
from facewatch.errors import WrongUse
from facewatch.settings.weights import format_weight, parse_weight, word_for
from facewatch.state.instance import single_instance
from tests.conftest import ROOT

NOISE = re.compile(r"<\w+|TEXT\||\[\[|INTEGER|RANGE")


def in_terminal(words: str) -> list[str]:
    """Return the lines that a command prints in a terminal of 80 columns."""
    if shutil.which("script") is None:
        pytest.skip("script is not installed")
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = f"stty cols 80; {sys.executable} -m facewatch {words}"
    run = subprocess.run(
        ["script", "-qc", command, "/dev/null"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**environment, "TERM": "xterm"},
    )
    return re.sub(r"\x1b\[[\d;?]*\w", "", run.stdout).splitlines()


@pytest.mark.parametrize(
    "words", ["--help", "models", "doctor --quick", "restore -h", "models pull -h", "compare -h", "redo -h"]
)
def test_the_output_fits_a_terminal_of_80_columns(places, words):
    lines = in_terminal(words)
    assert len(lines) > 5
    assert [
        line for line in lines if len(line) > 80 and "http" not in line and str(places.models) not in line
    ] == []


@pytest.mark.parametrize("group", ["models", "config", "autostart", "filemenu"])
def test_the_help_of_a_group_cuts_no_line_about_its_commands(places, group):
    lines = in_terminal(f"{group} --help")
    assert len(lines) > 8
    assert [line for line in lines if line.endswith("...") and "[ARGS]" not in line] == []


def test_the_help_names_every_command_whole_and_the_exit_codes(places):
    text = "\n".join(in_terminal("--help"))
    assert "..." not in text.replace("[ARGS]...", "")
    for row in COMMANDS.values():
        assert row.hidden or row.help in text
    for code in (
        "0 done",
        "1 something failed",
        "2 wrong\n  use",
        "4 facewatch is running",
        "130 interrupted",
    ):
        assert code in text


@pytest.mark.parametrize("words", [name for name, row in COMMANDS.items() if not row.hidden])
def test_help_has_no_names_of_types(call, words):
    said = call(*words.split(), "-h")
    assert said.code == 0
    assert NOISE.findall(said.out) == []


def test_doctor_names_first_what_to_fix_and_versions_only_on_request(call):
    levels = [line.split()[0] for line in call("doctor", "--quick").out.splitlines()[:-1]]
    assert levels == sorted(levels, key=["fix", "note", "ok"].index)
    assert "pydantic" not in call("doctor", "--quick").out
    assert "pydantic" in call("doctor", "--quick", "--all").out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("modles", "Did you mean 'models'"),
        ("models pul x", "Did you mean 'pull'"),
        ("set qualty 3", 'did you mean "quality"'),
        ("restore --model gfpgan14 .", 'did you mean "gfpgan-1.4"'),
        ("models pull codefomer", 'did you mean "codeformer"'),
        ("restore --upscal 2 .", "--upscale"),
        ("redo x.jpg --weight 3", "the weight 3 is not possible"),
        ("restore x.jpg --weight mild", "strong, balanced, faithful"),
        ("pause soon", "write for example 30m, 1h"),
    ],
)
def test_wrong_use_says_what_was_meant(call, words, hint):
    said = call(*words.split())
    assert said.code == 2
    assert hint in said.err


def test_already_running_has_an_exit_code_of_its_own(call, places, inbox):
    places.state.mkdir(parents=True, exist_ok=True)
    with single_instance(places):
        said = call("run", "--no-tray")
    assert said.code == ALREADY_RUNNING == 4


def test_a_pause_takes_a_duration(call):
    said = call("pause", "1h")
    assert re.match(r"paused until \d{4}-\d\d-\d\d \d\d:\d\d; `facewatch resume` continues", said.out)
    now = datetime(2026, 1, 1).astimezone()
    assert _end_of("1h30m", now) - now == timedelta(minutes=90)
    assert _end_of("2d", now) - now == timedelta(days=2)
    for wrong in ("", "h", "0m", "1 week", "-1h", "99999999999d"):
        with pytest.raises(WrongUse):
            _end_of(wrong, now)


@pytest.mark.parametrize(
    ("text", "weight"),
    [("strong", 0.0), ("Balanced", 0.5), ("FAITHFUL", 0.8), ("0", 0.0), ("1", 1.0), ("0.65", 0.65)],
)
def test_a_weight_is_a_word_or_a_number(text, weight):
    assert parse_weight(text) == weight


def test_each_word_is_the_word_of_its_own_weight():
    for word in ("Strong", "Balanced", "Faithful"):
        assert word_for(parse_weight(word)) == word
    assert format_weight(0.6) == "Balanced (0.6)"
    assert format_weight(1.0) == "Faithful (1.0)"
