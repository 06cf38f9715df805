"""`facewatch models` on a small catalogue and a real server."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from facewatch.cli import download_ui, models
from facewatch.cli.models import app
from facewatch.errors import BadCheckpoint, CheckpointMissing, WrongUse
from facewatch.models.files import ModelFiles
from facewatch.state.ledger import Ledger
from facewatch.system.paths import Places
from tests.models.fault_server import FaultServer, content
from tests.models.rows import NON_COMMERCIAL, SIZE, make_model_files, row, served
from tests.state.ledger.photos import finish

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def model_files(server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFiles:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("FACEWATCH_HOME", str(tmp_path / "home"))
    kept = served(server, "kept", seed=2, licence=NON_COMMERCIAL)
    gone = row("gone", f"{server.base}/gone.pth", "0" * 64, 10)
    return make_model_files(tmp_path / "models", served(server), kept, gone)


def call(model_files: ModelFiles, *words: str, answer: str | None = None) -> Result:
    result = CliRunner().invoke(app, words, obj=model_files, input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def facts(model_files: ModelFiles) -> dict[str, dict[str, object]]:
    return {entry["name"]: entry for entry in json.loads(call(model_files, "list", "--json").stdout)}


def test_the_list_shows_every_model(model_files: ModelFiles):
    for words in ((), ("list",)):
        shown = call(model_files, *words).stdout
        line = next(line for line in shown.splitlines() if line.startswith("toy"))
        assert [part.strip() for part in line.split("  ") if part.strip()] == [
            "toy", "face", "for tests", "100.0 kB", "Free", "missing",
        ]  # fmt: skip
        assert "part of facewatch" in shown
        assert f"the models folder is {model_files.folder}" in shown


def test_the_list_shows_the_seconds_that_a_face_has_taken_here(model_files: ModelFiles):
    where = Places.standard()
    where.ledger.parent.mkdir(parents=True)
    assert facts(model_files)["toy"]["seconds_per_face"] is None
    faces = [{"fate": "restored", "reason": ""}] * 2
    report = {"model": "toy", "device": "cpu", "seconds": 24.68, "faces": faces}
    with closing(Ledger.open(where.ledger)) as ledger:
        finish(ledger, report=report)
    line = next(line for line in call(model_files).stdout.splitlines() if line.startswith("toy"))
    assert "for tests; 12 s a face here" in line
    assert facts(model_files)["toy"]["seconds_per_face"] == 12.34
    where.ledger.write_bytes(b"not a ledger" * 100)
    said = call(model_files)
    assert "the seconds a face are not shown: the ledger" in said.stderr
    assert "toy" in said.stdout


def test_the_list_shows_corrupt_trusted_and_unreadable(model_files: ModelFiles):
    model_files.folder.mkdir()
    (model_files.folder / "toy.pth").write_bytes(b"wrong")
    (model_files.folder / "wedding.pth").write_bytes(b"mine")
    (model_files.folder / "kept.pth").mkdir()
    shown = call(model_files, "list").stdout
    assert "corrupt" in next(line for line in shown.splitlines() if line.startswith("toy"))
    wedding = next(line for line in shown.splitlines() if line.startswith("wedding"))
    assert "present (digest of 2024-05-06)" in wedding
    assert str(model_files.folder / "wedding.pth") in wedding
    assert "kept.pth is not a file" in shown
    assert facts(model_files)["wedding"]["sha256"] == hashlib.sha256(b"mine").hexdigest()


def test_pull_fetches_what_is_named(model_files: ModelFiles):
    result = call(model_files, "pull", "toy")
    assert result.exit_code == 0
    assert (model_files.folder / "toy.pth").stat().st_size == SIZE
    again = call(model_files, "pull", "toy")
    assert again.exit_code == 0
    assert "is already downloaded" in again.stderr


def test_pull_says_what_is_part_of_facewatch(model_files: ModelFiles):
    result = call(model_files, "pull", "builtin", "toy")
    assert result.exit_code == 0
    assert "builtin is part of facewatch: there is nothing to download" in result.stderr
    assert model_files.state("toy") == "present"
    assert "builtin" not in call(model_files, "pull", "--all").stderr


def test_pull_needs_a_name_or_all(model_files: ModelFiles):
    for words in (("pull",), ("pull", "--all", "toy"), ("pull", "toi")):
        with pytest.raises(WrongUse):
            call(model_files, *words)


def test_a_licence_is_not_accepted_by_silence(model_files: ModelFiles):
    result = call(model_files, "pull", "kept")
    assert result.exit_code == 1
    assert "NC 1.0" in result.stderr
    assert "Not for commerce." in result.stderr
    assert "https://example.org/nc" in result.stderr
    assert "models accept kept" in result.stderr
    assert model_files.state("kept") == "missing"


@pytest.mark.parametrize("yes", [True, False])
def test_a_terminal_is_asked_once(model_files: ModelFiles, yes: bool, monkeypatch: pytest.MonkeyPatch):
    asked = []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(download_ui.Confirm, "ask", lambda *words, **_: asked.append(words) or yes)
    assert models._pull_one(model_files, "kept", accept_licence=False) is yes
    assert len(asked) == 1
    if yes:
        model_files.remove("kept")
        assert models._pull_one(model_files, "kept", accept_licence=False)
        assert len(asked) == 1


def test_scripts_accept_by_a_flag_or_beforehand(model_files: ModelFiles):
    assert call(model_files, "pull", "kept", "--accept-licence").exit_code == 0
    assert call(model_files, "remove", "kept").exit_code == 0
    (model_files.folder / "licences.json").unlink()
    assert "NC 1.0 is accepted" in call(model_files, "accept", "kept").stdout
    assert "nothing to accept" in call(model_files, "accept", "kept").stdout
    assert call(model_files, "pull", "kept").exit_code == 0


def test_pull_all_goes_on_after_a_failure(model_files: ModelFiles):
    result = call(model_files, "pull", "--all", "--accept-licence")
    assert result.exit_code == 1
    assert "no such file (404)" in result.stderr
    assert [model_files.state(name) for name in ("toy", "kept", "gone")] == ["present", "present", "missing"]


def test_verify_says_what_each_file_is(model_files: ModelFiles):
    assert "no model file" in call(model_files, "verify").stdout
    call(model_files, "pull", "toy")
    good = call(model_files, "verify")
    assert (good.exit_code, "toy: OK, sha256" in good.stdout) == (0, True)
    assert "builtin: OK, part of facewatch" in good.stdout
    (model_files.folder / "toy.pth").write_bytes(b"wrong")
    bad = call(model_files, "verify", "toy", "builtin")
    assert bad.exit_code == 1
    assert "toy: corrupt" in bad.stdout
    assert "builtin: OK, part of facewatch" in bad.stdout
    assert call(model_files, "verify", "gone").exit_code == 1
    (model_files.folder / "wedding.pth").write_bytes(b"no model at all")
    mine = call(model_files, "verify", "wedding")
    assert mine.exit_code == 1
    assert mine.stdout.startswith("wedding: not a model, ")


def test_remove_says_what_was_not_there(model_files: ModelFiles):
    call(model_files, "pull", "toy")
    result = call(model_files, "remove", "toy", "gone")
    assert result.exit_code == 1
    assert "toy: removed" in result.stdout
    assert "no file of gone" in result.stderr
    assert model_files.state("toy") == "missing"


def test_add_takes_a_file_by_name_or_by_its_own(model_files: ModelFiles, tmp_path: Path):
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "toy.pth").write_bytes(content(SIZE, 1))
    (stick / "wedding.pth").write_bytes(b"mine")
    assert call(model_files, "add", "toy", str(stick / "toy.pth")).exit_code == 0
    assert model_files.state("toy") == "present"
    call(model_files, "remove", "toy")
    call(model_files, "add", str(stick / "toy.pth"), "--link")
    assert model_files.find("toy") == stick / "toy.pth"
    call(model_files, "add", str(stick / "wedding.pth"))
    assert model_files.state("wedding") == "present"
    with pytest.raises(BadCheckpoint, match="--trust"):
        call(model_files, "add", "gone", str(stick / "toy.pth"))
    call(model_files, "add", "gone", str(stick / "toy.pth"), "--trust")
    assert "installed, unverified" in call(model_files, "list").stdout
    for words in (("add",), ("add", "toy", str(stick / "none.pth")), ("add", "toy", "--find")):
        with pytest.raises(WrongUse):
            call(model_files, *words)


def test_add_shows_a_licence(model_files: ModelFiles, tmp_path: Path):
    (tmp_path / "kept.pth").write_bytes(content(SIZE, 2))
    assert "Not for commerce." in call(model_files, "add", str(tmp_path / "kept.pth")).stdout


def test_add_finds_what_other_tools_have(
    model_files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert "none of the missing models" in call(model_files, "add", "--find").stdout
    folder = tmp_path / "ComfyUI" / "models" / "facerestore_models"
    folder.mkdir(parents=True)
    (folder / "toy.pth").write_bytes(b"another file of that name")
    (folder / "renamed.pth").write_bytes(content(SIZE, 1))
    assert f"toy: {folder / 'renamed.pth'}" in call(model_files, "add", "--find").stdout
    assert model_files.find("toy") == folder / "renamed.pth"


def test_path_prints_the_folder_or_a_file(model_files: ModelFiles):
    assert call(model_files, "path").stdout.strip() == str(model_files.folder)
    with pytest.raises(CheckpointMissing):
        call(model_files, "path", "toy")
    call(model_files, "pull", "toy")
    assert call(model_files, "path", "toy").stdout.strip() == str(model_files.folder / "toy.pth")


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


def test_the_table_fits_80_columns_in_a_pipe_too(model_files: ModelFiles, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    shown = call(model_files).stdout
    assert "toy" in shown
    assert max(len(row) for row in shown.splitlines() if str(model_files.folder) not in row) <= 80


@pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses such names")
@pytest.mark.parametrize("columns", ["300", "80"])
def test_no_name_of_a_file_commands_the_terminal(model_files: ModelFiles, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    model_files.folder.mkdir()
    (model_files.folder / "m\x1b]0;title\x07.pth").write_bytes(b"mine")
    shown = call(model_files).stdout
    assert "\x1b" not in shown
    assert "\\x1b" in shown
