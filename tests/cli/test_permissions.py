"""Files and folders without permission, in every command that takes one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from facewatch.system.paths import Places

ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
AS_ANYBODY = ANYBODY if os.name == "posix" and os.geteuid() == 0 else []

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them"),
    pytest.mark.skipif(bool(AS_ANYBODY) and shutil.which("setpriv") is None, reason="root without setpriv"),
]


@pytest.fixture
def facewatch(places: Places, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command beside `secret.jpg`, the folders `locked` and `readonly`, and the file `notes.txt`."""
    portrait = resources.files("facewatch.cli.demo").joinpath("eileen-collins.jpg").read_bytes()
    for name in ("secret.jpg", "locked/a.jpg", "readonly/a.jpg", "notes.txt", "model.pth"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(portrait)
    for name, mode in (("secret.jpg", 0), ("model.pth", 0), ("locked", 0), ("readonly", 0o500)):
        (tmp_path / name).chmod(mode)

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*AS_ANYBODY, sys.executable, "-m", "facewatch", *arguments],
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, **environment},
            timeout=100,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("command", "words"),
    [  # "is not readable" is typer's text: it checks paths first
        ("compare secret.jpg -m builtin", "'secret.jpg' is not readable"),
        ("compare locked/a.jpg -m builtin", "locked/a.jpg is not there, or cannot be reached"),
        ("demo secret.jpg -o shown", "'secret.jpg' is not readable"),
        ("demo locked/a.jpg -o shown", "locked/a.jpg is not there, or cannot be reached"),
        ("demo -o notes.txt", "notes.txt is in the way"),
        ("demo -o notes.txt/shown", "notes.txt/shown: Not a directory"),
        ("demo -o readonly/shown", "readonly/shown: Permission denied"),
        ("demo -o locked", "'locked' is not readable"),
        ("demo -o locked/shown", "locked/shown: Permission denied"),
        ("redo locked/a.jpg", "locked/a.jpg is not there, or cannot be reached"),
        ("models add my model.pth", "'model.pth' is not readable"),
        ("models add my locked/a.pth", "there is no file locked/a.pth that can be reached"),
        ("report -o locked/x.zip", "locked"),
        ("report -o readonly/x.zip", "readonly"),
        ("config check --config secret.jpg", "'secret.jpg' is not readable"),
        ("config check --config locked/c.toml", "locked/c.toml is not there, or cannot be reached"),
        ("config init --config locked/c.toml", "locked"),
        ("config init --config locked/sub/c.toml", "locked/sub"),
        ("config init --config readonly/c.toml", "readonly"),
        ("config init --config notes.txt/c.toml", "notes.txt is in the way"),
        ("config init --config secret.jpg", "'secret.jpg' is not readable"),
        ("restore locked/a.jpg", "locked/a.jpg is not there or cannot be reached"),
    ],
)
def test_missing_permission_is_explained(facewatch, tmp_path, command, words):
    run = facewatch(*command.split())
    assert run.returncode in {1, 2}
    assert "Traceback" not in run.stderr
    assert words in run.stderr
    assert not (tmp_path / "shown").exists()


@pytest.mark.parametrize("command", ["config init", "pause", "run --once --no-tray", "retry", "report"])
def test_a_home_that_is_a_file_is_explained(facewatch, tmp_path, command):
    run = facewatch(*command.split(), FACEWATCH_HOME=str(tmp_path / "notes.txt"))
    assert "Traceback" not in run.stderr
    assert "notes.txt" in run.stderr + run.stdout
    assert run.returncode in {1, 2} or command == "report"


@pytest.mark.parametrize(
    "command", ["status", "doctor --quick", "pause", "set model builtin", "report -o r.zip"]
)
def test_an_unreadable_home_is_explained(facewatch, tmp_path, command):
    run = facewatch(*command.split(), FACEWATCH_HOME=str(tmp_path / "locked"))
    assert "Traceback" not in run.stderr
    assert "locked" in run.stderr + run.stdout


def test_a_home_of_an_unknown_user_is_explained(facewatch, tmp_path):
    config = tmp_path / "own.toml"
    config.write_text('[[folders]]\ninput = "~unknown-user/in"\noutput = "/tmp/out"\n', "utf-8")
    run = facewatch("config", "check", "--config", str(config))
    assert run.returncode == 2
    assert "'~unknown-user/in' is a relative path" in run.stderr + run.stdout
