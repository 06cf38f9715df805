"""Completion in the shells."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BASH = "complete_bash", "COMP_WORDS", {"COMP_CWORD": "1"}
SHELLS = {
    "bash": BASH,
    "zsh": ("complete_zsh", "_TYPER_COMPLETE_ARGS", {}),
    "fish": ("complete_fish", "_TYPER_COMPLETE_ARGS", {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    "powershell": ("complete_powershell", "_TYPER_COMPLETE_ARGS", {}),
}


def completed(line: str, shell: str = "bash") -> str:
    """Return what the program offers to a shell for a line that is being typed."""
    action, variable, more = SHELLS[shell]
    more = {"COMP_CWORD": str(line.count(" "))} if shell == "bash" else more
    more = {"_TYPER_COMPLETE_WORD_TO_COMPLETE": line.rpartition(" ")[2]} if shell == "powershell" else more
    run = subprocess.run(
        [sys.executable, "-m", "facewatch"],
        env={**os.environ, "_FACEWATCH_COMPLETE": action, variable: line, **more},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.stderr == ""
    return run.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_completes_commands(shell):
    offered = completed("facewatch re", shell)
    assert {word for word in ("restore", "resume", "redo", "retry", "report") if word in offered} == {
        "restore",
        "resume",
        "redo",
        "retry",
        "report",
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("facewatch models p", ["pull", "path"]),
        ("facewatch restore --we", ["--weight"]),
        ("facewatch restore --model code", ["codeformer"]),
        ("facewatch set output.q", ["output.quality"]),
        ("facewatch set up", []),
        ("facewatch set model codef", ["codeformer"]),
        ("facewatch set weight f", ["faithful"]),
        ("facewatch set weights.codeformer s", ["strong"]),
        ("facewatch set output.format t", ["tiff"]),
        ("facewatch set format t", ["tiff"]),
        ("facewatch set restoration.color_fix f", ["false"]),
        ("facewatch set restoration.background realesrgan-x2", ["realesrgan-x2"]),
        ("facewatch set quality 9", []),
        ("facewatch set work_until 2", []),
        ("facewatch set no.such.key ", []),
        ("facewatch models pull sf", ["sface"]),
        ("facewatch models remove sf", ["sface"]),
    ],
)
def test_commands_options_models_and_keys_are_completed(line, words):
    assert completed(line).split() == words


def test_fish_completes_the_value_of_a_setting():
    assert completed("facewatch set model codef", "fish").split() == ["codeformer"]


@pytest.mark.parametrize("shell", ["fish", "powershell", "zsh"])
def test_a_long_help_text_is_one_line_in_a_narrow_terminal(shell, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    offered = completed("facewatch restore --we", shell)
    assert len(offered.splitlines()) == 1
    assert "strong, balanced, faithful." in offered
