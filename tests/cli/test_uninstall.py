"""Parts that facewatch puts into the system, and takes out again."""

from __future__ import annotations

import sys

import pytest

from facewatch.cli.uninstall import program_removal
from facewatch.state.instance import single_instance
from facewatch.system.paths import Places
from tests.daemon_process import DaemonProcess

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into the folders of Linux desktops")


@pytest.fixture(autouse=True)
def data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def files_of(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_the_file_manager_gets_its_entries_and_loses_them(call, data_home):
    assert "off: " in call("filemenu", "status").out
    said = call("filemenu", "on")
    assert (said.code, said.out.count("on: ")) == (0, 2)
    assert files_of(data_home) == ["Restore faces with facewatch", "facewatch.desktop"]
    assert "off: " not in call("filemenu", "status").out
    assert call("filemenu", "off").out == "off\n"
    assert files_of(data_home) == []


def test_an_uninstall_takes_all_entries_out_and_keeps_settings_and_copies(call, places, inbox, tmp_path):
    for command in (["autostart", "on"], ["filemenu", "on"], ["install"]):
        assert call(*command).code == 0
    places.state.mkdir(parents=True, exist_ok=True)
    (places.state / "ledger.sqlite3").touch()
    places.models.mkdir(parents=True)
    said = call("uninstall")
    assert said.code == 0
    assert "pip uninstall facewatch" in said.out
    assert files_of(tmp_path / "data") == files_of(tmp_path / "xdg") == []
    assert places.config.is_file()
    assert (places.state / "ledger.sqlite3").is_file()
    assert places.models.is_dir()
    assert (inbox / "1974" / "a.jpg").read_bytes() == b"photo"


def test_state_and_models_go_only_when_that_is_wished(call, places, inbox):
    places.models.mkdir(parents=True)
    places.state.mkdir(parents=True, exist_ok=True)
    assert call("uninstall", "--models").code == 0
    assert (places.models.exists(), places.state.exists()) == (False, True)
    assert call("uninstall", "--state").code == 0
    assert not places.state.exists()
    assert places.config.is_file()


def test_a_running_facewatch_is_ended_first(call, places):
    running = DaemonProcess(places.config.parent)
    running.start()
    try:
        said = call("uninstall", "--state")
        assert (said.code, said.err) == (0, "")
        assert "ended: the running facewatch" in said.out
        assert running.process.wait(10) == 0
    finally:
        running.stop()


def test_a_facewatch_that_does_not_quit_is_not_uninstalled(call, places, inbox, monkeypatch):
    monkeypatch.setattr("facewatch.cli.uninstall.QUIT_SECONDS", 0.2)
    with single_instance(places):
        said = call("uninstall", "--state")
    assert said.code == 2
    assert "is running (process" in said.err
    assert places.state.is_dir()


def test_a_models_folder_that_the_user_chose_is_kept(call, places, inbox, tmp_path, monkeypatch):
    for name in ("by setting", "by variable"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "other.pth").touch()
    assert call("set", "models_folder", tmp_path / "by setting").code == 0
    monkeypatch.setenv("FACEWATCH_MODELS", str(tmp_path / "by variable"))
    said = call("uninstall", "--models")
    assert (said.code, said.out.count("kept: ")) == (0, 2)
    assert all((tmp_path / name / "other.pth").is_file() for name in ("by setting", "by variable"))


def test_an_uninstall_leaves_no_empty_folder_of_its_own(call, tmp_path, monkeypatch):
    monkeypatch.delenv("FACEWATCH_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    places = Places.standard()
    for folder in (places.state, places.logs, places.models):
        folder.mkdir(parents=True)
    assert call("uninstall", "--state", "--models").code == 0
    assert not list((tmp_path / "data").iterdir()) + list((tmp_path / "state").iterdir())


@pytest.mark.parametrize(
    ("prefix", "command"),
    [
        ("/home/a/.local/share/pipx/venvs/facewatch", "pipx uninstall facewatch"),
        ("/home/a/.local/share/uv/tools/facewatch", "uv tool uninstall facewatch"),
        ("/home/a/venv", "-m pip uninstall facewatch"),
    ],
)
def test_the_program_is_removed_as_it_was_installed(monkeypatch, prefix, command):
    monkeypatch.setattr(sys, "prefix", prefix)
    assert command in program_removal()
