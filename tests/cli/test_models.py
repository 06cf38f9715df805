"""`facewatch models` on a small catalogue and a real server."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from facewatch.cli import download_ui, models
from facewatch.cli.models import app
from facewatch.errors import BadCheckpoint, CheckpointMissing, WrongUse
from facewatch.models.files import Checkpoints
from tests.models.fault_server import FaultServer, content
from tests.models.rows import NON_COMMERCIAL, SIZE, row, served, shelf

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def checkpoints(server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoints:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("COLUMNS", "300")
    kept = served(server, "kept", seed=2, licence=NON_COMMERCIAL)
    gone = row("gone", f"{server.base}/gone.pth", "0" * 64, 10)
    return shelf(tmp_path / "models", served(server), kept, gone)


def call(checkpoints: Checkpoints, *words: str, answer: str | None = None) -> Result:
    result = CliRunner().invoke(app, words, obj=checkpoints, input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def facts(checkpoints: Checkpoints) -> dict[str, dict[str, object]]:
    return {entry["name"]: entry for entry in json.loads(call(checkpoints, "list", "--json").stdout)}


def test_the_list_shows_every_model(checkpoints: Checkpoints):
    for words in ((), ("list",)):
        shown = call(checkpoints, *words).stdout
        line = next(line for line in shown.splitlines() if line.startswith("toy"))
        assert [part.strip() for part in line.split("  ") if part.strip()] == [
            "toy", "face", "for tests", "100.0 kB", "Free", "missing",
        ]  # fmt: skip
        assert "part of facewatch" in shown
        assert f"the models folder is {checkpoints.folder}" in shown


def test_the_list_shows_corrupt_trusted_and_unreadable(checkpoints: Checkpoints):
    checkpoints.folder.mkdir()
    (checkpoints.folder / "toy.pth").write_bytes(b"wrong")
    (checkpoints.folder / "wedding.pth").write_bytes(b"mine")
    (checkpoints.folder / "kept.pth").mkdir()
    shown = call(checkpoints, "list").stdout
    assert "corrupt" in next(line for line in shown.splitlines() if line.startswith("toy"))
    wedding = next(line for line in shown.splitlines() if line.startswith("wedding"))
    assert "present (digest of 2024-05-06)" in wedding
    assert str(checkpoints.folder / "wedding.pth") in wedding
    assert "kept.pth is not a file" in shown
    assert facts(checkpoints)["wedding"]["sha256"] == hashlib.sha256(b"mine").hexdigest()


def test_pull_fetches_what_is_named(checkpoints: Checkpoints):
    result = call(checkpoints, "pull", "toy")
    assert result.exit_code == 0
    assert (checkpoints.folder / "toy.pth").stat().st_size == SIZE
    again = call(checkpoints, "pull", "toy")
    assert again.exit_code == 0
    assert "is here already" in again.stderr


def test_pull_says_what_is_part_of_facewatch(checkpoints: Checkpoints):
    result = call(checkpoints, "pull", "builtin", "toy")
    assert result.exit_code == 0
    assert "builtin is part of facewatch: there is nothing to fetch" in result.stderr
    assert checkpoints.state("toy") == "present"
    assert "builtin" not in call(checkpoints, "pull", "--all").stderr


def test_pull_needs_a_name_or_all(checkpoints: Checkpoints):
    for words in (("pull",), ("pull", "--all", "toy"), ("pull", "toi")):
        with pytest.raises(WrongUse):
            call(checkpoints, *words)


def test_a_licence_is_not_accepted_by_silence(checkpoints: Checkpoints):
    result = call(checkpoints, "pull", "kept")
    assert result.exit_code == 1
    assert "NC 1.0" in result.stderr
    assert "Not for commerce." in result.stderr
    assert "https://example.org/nc" in result.stderr
    assert "models accept kept" in result.stderr
    assert checkpoints.state("kept") == "missing"


@pytest.mark.parametrize("yes", [True, False])
def test_a_terminal_is_asked_once(checkpoints: Checkpoints, yes: bool, monkeypatch: pytest.MonkeyPatch):
    asked = []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(download_ui.sys, "stdin", Terminal())
    monkeypatch.setattr(download_ui.Confirm, "ask", lambda *words, **_: asked.append(words) or yes)
    assert models._pulled(checkpoints, "kept", accept_licence=False) is yes
    assert len(asked) == 1
    if yes:
        checkpoints.remove("kept")
        assert models._pulled(checkpoints, "kept", accept_licence=False)
        assert len(asked) == 1


def test_scripts_accept_by_a_flag_or_beforehand(checkpoints: Checkpoints):
    assert call(checkpoints, "pull", "kept", "--accept-licence").exit_code == 0
    assert call(checkpoints, "remove", "kept").exit_code == 0
    (checkpoints.folder / "licences.json").unlink()
    assert "NC 1.0 is accepted" in call(checkpoints, "accept", "kept").stdout
    assert "nothing to accept" in call(checkpoints, "accept", "kept").stdout
    assert call(checkpoints, "pull", "kept").exit_code == 0


def test_pull_all_goes_on_after_a_failure(checkpoints: Checkpoints):
    result = call(checkpoints, "pull", "--all", "--accept-licence")
    assert result.exit_code == 1
    assert "no such file (404)" in result.stderr
    assert [checkpoints.state(name) for name in ("toy", "kept", "gone")] == ["present", "present", "missing"]


def test_verify_says_what_each_file_is(checkpoints: Checkpoints):
    assert "no model file" in call(checkpoints, "verify").stdout
    call(checkpoints, "pull", "toy")
    good = call(checkpoints, "verify")
    assert (good.exit_code, good.stdout.startswith("toy: right, sha256")) == (0, True)
    (checkpoints.folder / "toy.pth").write_bytes(b"wrong")
    bad = call(checkpoints, "verify", "toy", "builtin")
    assert bad.exit_code == 1
    assert "toy: corrupt" in bad.stdout
    assert "builtin: part of facewatch" in bad.stdout
    assert call(checkpoints, "verify", "gone").exit_code == 1


def test_remove_says_what_was_not_there(checkpoints: Checkpoints):
    call(checkpoints, "pull", "toy")
    result = call(checkpoints, "remove", "toy", "gone")
    assert result.exit_code == 1
    assert "toy: removed" in result.stdout
    assert "no file of gone" in result.stderr
    assert checkpoints.state("toy") == "missing"


def test_add_takes_a_file_by_name_or_by_its_own(checkpoints: Checkpoints, tmp_path: Path):
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "toy.pth").write_bytes(content(SIZE, 1))
    (stick / "wedding.pth").write_bytes(b"mine")
    assert call(checkpoints, "add", "toy", str(stick / "toy.pth")).exit_code == 0
    assert checkpoints.state("toy") == "present"
    call(checkpoints, "remove", "toy")
    call(checkpoints, "add", str(stick / "toy.pth"), "--link")
    assert checkpoints.find("toy") == stick / "toy.pth"
    call(checkpoints, "add", str(stick / "wedding.pth"))
    assert checkpoints.state("wedding") == "present"
    with pytest.raises(BadCheckpoint, match="--trust"):
        call(checkpoints, "add", "gone", str(stick / "toy.pth"))
    call(checkpoints, "add", "gone", str(stick / "toy.pth"), "--trust")
    assert "on your word" in call(checkpoints, "list").stdout
    for words in (("add",), ("add", "toy", str(stick / "none.pth")), ("add", "toy", "--find")):
        with pytest.raises(WrongUse):
            call(checkpoints, *words)


def test_add_shows_a_licence(checkpoints: Checkpoints, tmp_path: Path):
    (tmp_path / "kept.pth").write_bytes(content(SIZE, 2))
    assert "Not for commerce." in call(checkpoints, "add", str(tmp_path / "kept.pth")).stdout


def test_add_finds_what_other_tools_have(
    checkpoints: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert "none of the missing models" in call(checkpoints, "add", "--find").stdout
    folder = tmp_path / "ComfyUI" / "models" / "facerestore_models"
    folder.mkdir(parents=True)
    (folder / "toy.pth").write_bytes(b"another file of that name")
    (folder / "renamed.pth").write_bytes(content(SIZE, 1))
    assert f"toy: {folder / 'renamed.pth'}" in call(checkpoints, "add", "--find").stdout
    assert checkpoints.find("toy") == folder / "renamed.pth"


def test_path_prints_the_folder_or_a_file(checkpoints: Checkpoints):
    assert call(checkpoints, "path").stdout.strip() == str(checkpoints.folder)
    with pytest.raises(CheckpointMissing):
        call(checkpoints, "path", "toy")
    call(checkpoints, "pull", "toy")
    assert call(checkpoints, "path", "toy").stdout.strip() == str(checkpoints.folder / "toy.pth")


def test_help_loads_no_http_client(tmp_path: Path):
    code = "import sys, facewatch.cli.models, facewatch.models.files; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not {"httpx", "rich.table", "torch", "numpy"} & set(loaded)


def test_the_folder_comes_from_the_environment(tmp_path: Path):
    (tmp_path / "wedding.pth").write_bytes(b"mine")
    code = "from facewatch.cli.models import app; app()"
    environment = {**os.environ, "FACEWATCH_HOME": str(tmp_path / "home"), "FACEWATCH_MODELS": str(tmp_path)}
    command = [sys.executable, "-c", code, "path", "wedding"]
    shown = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == str(tmp_path / "wedding.pth")
