from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from facewatch.cli.autostart import app
from facewatch.errors import WrongUse

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


@pytest.fixture
def say(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")  # no systemctl

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    return call


def entries(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_on_status_off(say, tmp_path):
    assert say("status") == "off\n"
    assert entries(tmp_path) == []
    assert say("on").startswith("on: ")
    assert say("on").endswith(f"({tmp_path}/autostart/facewatch.desktop)\n")
    assert say("status").startswith(f"on: {Path(sys.executable).parent}")
    assert entries(tmp_path) == ["autostart/facewatch.desktop"]
    assert say("off") == "off\n"
    assert entries(tmp_path) == []


def test_systemd_takes_the_place_of_the_desktop_entry(say, tmp_path):
    say("on")
    say("on", "--systemd")
    units = tmp_path / "systemd" / "user"
    assert entries(units) == ["default.target.wants/facewatch.service", "facewatch.service"]
    assert not (tmp_path / "autostart" / "facewatch.desktop").exists()
    assert "facewatch.service" in say("status")
    say("on")
    assert entries(tmp_path) == ["autostart/facewatch.desktop"]


def test_another_config_file_is_kept_in_the_entry(say, tmp_path):
    (tmp_path / "my own.toml").write_text("paused = false\n", "utf-8")
    say("on", "--config", str(tmp_path / "my own.toml"))
    assert f'"run" "--config" "{tmp_path}/my own.toml"' in (
        tmp_path / "autostart" / "facewatch.desktop"
    ).read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("typo.toml", "typo.toml is not there"),
        ("folder", "cannot be read"),
        ("bad.toml", "unknown key modle"),
    ],
)
def test_a_config_file_that_would_fail_at_login_is_refused(say, tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "bad.toml").write_text("modle = 1\n", "utf-8")
    with pytest.raises(WrongUse, match=words):
        say("on", "--config", str(tmp_path / name))
    assert say("status") == "off\n"
    assert entries(tmp_path) == ["bad.toml"]


def test_a_config_without_folders_is_pointed_out(call, places):
    said = call("autostart", "on")
    assert said.out.startswith("on: ")
    assert f"{places.config} names no folder to watch; `facewatch config init` adds" in said.err


def test_the_usual_config_file_is_checked_too(say, places):
    places.config.parent.mkdir()
    places.config.write_text("modle = 1\n", "utf-8")
    with pytest.raises(WrongUse, match="unknown key modle"):
        say("on")
    assert say("status") == "off\n"


def test_a_missing_program_is_pointed_out(say, tmp_path):
    say("on")
    file = tmp_path / "autostart" / "facewatch.desktop"
    file.write_text(file.read_text("utf-8").replace(str(Path(sys.executable).parent), "/nowhere"), "utf-8")
    assert say("status").startswith("on, but points at a missing program: /nowhere/")
    say("on")
    assert say("status").startswith("on: ")
