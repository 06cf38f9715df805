"""Start at login on every platform."""

from __future__ import annotations

import os
import plistlib
import sys
from pathlib import Path

import pytest

from facewatch.errors import WrongUse
from facewatch.system.autostart import Login, of_this_system, own_command
from facewatch.system.autostart.macos import LaunchAgent
from facewatch.system.autostart.quoting import (
    desktop_exec,
    parsed_desktop_exec,
    parsed_systemd_exec,
    program_of,
    program_of_windows_line,
    systemd_exec,
    windows_command_line,
)
from facewatch.system.autostart.systemd import UserUnit, reload_manager
from facewatch.system.autostart.windows import APPROVED, RUN, RunKey
from facewatch.system.autostart.xdg import DesktopEntry
from tests.recording_program import ODD_NAMES, program_at

ONLY_ARGUMENTS = ("with=equals",)


class FakeRegistry:
    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str | bytes] = {}

    def read(self, key, name, /):
        return self.values.get((key, name))

    def write(self, key, name, text, /):
        self.values[key, name] = text

    def delete(self, key, name, /):
        self.values.pop((key, name), None)


WAYS = {
    "xdg": lambda command, folder: DesktopEntry(command, folder / "autostart"),
    "systemd": lambda command, folder: UserUnit(command, folder / "user", lambda: None),
    "macos": lambda command, folder: LaunchAgent(command, folder / "agents"),
    "windows": lambda command, folder: RunKey(command, REGISTRIES.setdefault(folder, FakeRegistry())),
}
REGISTRIES: dict[Path, FakeRegistry] = {}


@pytest.fixture(params=["windows"] if sys.platform == "win32" else WAYS)
def way(request, tmp_path):
    """Make the same kind of entry for any command, as another start of the program would."""
    return lambda *command: WAYS[request.param](command, tmp_path / "home")


def test_enable_and_disable_can_be_repeated(way, tmp_path):
    program = program_at(tmp_path / "app")
    entry = way(str(program), "run")
    assert entry.state() == "off"
    entry.disable()
    for _ in range(2):
        entry.enable()
        assert entry.state() == "on"
        assert entry.program() == str(program)
    home = tmp_path / "home"
    assert sum(path.is_file() and not path.is_symlink() for path in home.rglob("*")) <= 1
    for _ in range(2):
        entry.disable()
        assert entry.state() == "off"
    assert not [path for path in home.rglob("*") if not path.is_dir()]


def test_reading_the_state_writes_nothing(way, tmp_path):
    entry = way("/nowhere/facewatch", "run")
    assert (entry.state(), entry.program(), Login(entry).repair()) == ("off", None, False)
    assert not (tmp_path / "home").exists()


def test_an_entry_whose_program_has_moved_is_repaired(way, tmp_path):
    old, new = program_at(tmp_path / "old"), tmp_path / "new"
    way(str(old), "run").enable()
    old.parent.rename(new)
    entry = way(str(new / "facewatch"), "run")
    assert entry.state() == "broken"
    assert Login(entry).repair()
    assert (entry.state(), entry.program()) == ("on", str(new / "facewatch"))
    assert not Login(entry).repair()


def test_an_entry_for_another_existing_installation_is_unchanged(way, tmp_path):
    other = program_at(tmp_path / "other")
    way(str(other), "run").enable()
    mine = way(str(program_at(tmp_path / "mine")), "run")
    assert not Login(mine).repair()
    assert mine.program() == str(other)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_every_entry_keeps_odd_paths(way, tmp_path, name):
    refused = '"<>?*|' if sys.platform == "win32" else '"' if isinstance(way("x"), RunKey) else ""
    if set(name) & set(refused):
        pytest.skip("Windows allows no such name")
    entry = way(str(program_at(tmp_path / name)), "run", "--config", f"/c/{name}.toml")
    entry.enable()
    assert entry.state() == "on"
    assert entry.program() == str(tmp_path / name / "facewatch")


@pytest.mark.parametrize("name", [*ODD_NAMES, *ONLY_ARGUMENTS])
@pytest.mark.parametrize(
    ("write", "read"), [(desktop_exec, parsed_desktop_exec), (systemd_exec, parsed_systemd_exec)]
)
def test_a_quoted_command_reads_back(name, write, read):
    command = ["/usr/bin/x y", name, "", "run"]
    assert read(write(command)) == command
    if name not in ONLY_ARGUMENTS:
        assert program_of(read(write([f"/{name}/x", "run"]))) == f"/{name}/x"


@pytest.mark.parametrize("bad", ["new\nline", "tab\tstop", "bell\a", "no text \udcff"])
def test_a_path_that_no_entry_can_hold_is_refused(way, tmp_path, bad):
    entry = way(f"/{bad}/facewatch", "run")
    with pytest.raises(WrongUse, match="cannot hold"):
        entry.enable()
    assert not (tmp_path / "home").exists()


def test_a_desktop_entry_refuses_an_equals_sign_in_the_program(tmp_path):
    with pytest.raises(WrongUse, match="="):
        DesktopEntry(["/a=b/facewatch"], tmp_path).enable()


def test_a_line_that_windows_would_ignore_is_refused():
    with pytest.raises(WrongUse, match="260"):
        windows_command_line(["C:\\" + "x" * 260 + "\\facewatchw.exe", "run"])


def test_windows_lines_are_quoted_even_without_spaces():
    line = windows_command_line([r"C:\Program Files\facewatchw.exe", "run"])
    assert line == r'"C:\Program Files\facewatchw.exe" run'
    assert windows_command_line([r"C:\50%\facewatchw.exe", "run"]) == r'"C:\50%\facewatchw.exe" run'
    assert program_of_windows_line(line) == r"C:\Program Files\facewatchw.exe"
    assert program_of_windows_line(r"C:\a.exe run") == r"C:\a.exe"


def test_an_entry_disabled_in_the_task_manager_is_off_until_it_is_enabled_again(tmp_path):
    registry = FakeRegistry()
    entry = RunKey([str(program_at(tmp_path / "app")), "run"], registry)
    entry.enable()
    registry.values[APPROVED, "Facewatch"] = bytes([3]) + bytes(11)
    assert entry.state() == "off"
    entry.enable()
    assert entry.state() == "on"
    assert list(registry.values) == [(RUN, "Facewatch")]


@pytest.mark.parametrize("line", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_an_entry_disabled_by_the_desktop_is_off(tmp_path, line):
    entry = DesktopEntry([str(program_at(tmp_path / "app")), "run"], tmp_path)
    entry.enable()
    key = line.partition("=")[0]
    kept = [old for old in entry.file.read_text("utf-8").splitlines() if not old.startswith(key)]
    entry.file.write_text("\n".join([*kept, line]) + "\n", "utf-8")
    assert entry.state() == "off"


def test_the_launch_agent_restarts_only_after_a_failure(tmp_path):
    agent = LaunchAgent(["/A b/facewatch", "run"], tmp_path)
    agent.enable()
    read = plistlib.loads(agent.file.read_bytes())
    assert read["ProgramArguments"] == ["/A b/facewatch", "run"]
    assert read["KeepAlive"] == {"SuccessfulExit": False}
    assert read["RunAtLoad"] is True
    agent.file.write_bytes(b"<plist")
    assert agent.state() == "off"


def test_the_autostart_folder_follows_xdg_config_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert Path(DesktopEntry.standard(["/x"]).place) == tmp_path / "autostart" / "facewatch.desktop"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Path(DesktopEntry.standard(["/x"]).place) == tmp_path / ".config/autostart/facewatch.desktop"


def test_the_launcher_beside_the_interpreter_is_preferred(tmp_path, monkeypatch):
    python = tmp_path / "bin" / "python"
    program_at(python.parent)
    monkeypatch.setattr(sys, "executable", str(python))
    launcher = "facewatchw.exe" if os.name == "nt" else "facewatch"
    (python.parent / launcher).touch()
    assert own_command() == (str(python.parent / launcher), "run")
    (python.parent / launcher).unlink()
    assert own_command() == (str(python), "-m", "facewatch", "run")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert own_command(("run", "--no-tray")) == (str(python), "run", "--no-tray")
    (python.parent / launcher).touch()  # the app of Windows has one without a console
    assert own_command() == (str(python.parent / launcher), "run")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the entries of Linux")
def test_the_manager_of_systemd_is_started_without_a_frozen_apps_libraries(tmp_path, monkeypatch):
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$* $LD_LIBRARY_PATH" > {tmp_path}/seen\n', "utf-8")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/app")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/mine")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    reload_manager()
    assert (tmp_path / "seen").read_text("utf-8") == "--user daemon-reload /mine\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the entries of Linux")
def test_linux_has_a_desktop_entry_first_and_a_unit():
    first, second = of_this_system(["/x"]).ways
    assert isinstance(first, DesktopEntry)
    assert isinstance(second, UserUnit)


def test_at_most_one_entry_is_on(tmp_path):
    command = [str(program_at(tmp_path / "app")), "run"]
    reloads = []
    entry, unit = DesktopEntry(command, tmp_path), UserUnit(command, tmp_path, lambda: reloads.append(1))
    login = Login(entry, unit)
    assert login.state() == "off"
    login.enable()
    assert (entry.state(), unit.state(), reloads) == ("on", "off", [])
    login.enable(unit)
    assert (entry.state(), unit.state(), login.active()) == ("off", "on", unit)
    login.enable()
    assert (entry.state(), unit.state()) == ("off", "on")  # the choice is kept
    login.disable()
    assert (login.state(), entry.state(), unit.state()) == ("off", "off", "off")
