"""The first contact without a terminal: the launcher, and what it starts."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from facewatch.cli import main
from facewatch.cli import start as module
from facewatch.state.first_start import model_is_asked
from facewatch.state.instance import single_instance

pytestmark = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="Linux desktops")


@pytest.fixture
def spawned(monkeypatch):
    commands = []
    monkeypatch.setattr(
        module.Opener, "_spawn", lambda self, command, environment=None: commands.append(command)
    )
    return commands


def test_a_start_without_a_config_makes_the_usual_folders_and_opens_the_inbox(call, places, spawned):
    said = call("start")
    inbox = places.pictures / "Facewatch" / "Inbox"
    assert said.code == 0
    assert inbox.is_dir()
    assert spawned[0][-3:] == ["run", "--config", str(places.config)]
    assert spawned[1] == ["xdg-open", str(inbox)]
    assert model_is_asked(places, "builtin")  # by the tray


def test_a_second_start_shows_the_one_that_runs(call, places, inbox, spawned):
    with single_instance(places):
        said = call("start")
    assert "is running (process" in said.out
    assert spawned == [["xdg-open", str(inbox)]]
    call("start")  # after its end it starts again
    assert spawned[1][-3] == "run"


def test_the_launcher_is_a_valid_entry_that_starts_facewatch(call, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert call("install").code == 0
    entry = tmp_path / "data/applications/facewatch.desktop"
    assert '"start"' in entry.read_text("utf-8")
    assert "<svg" in (tmp_path / "data/icons/hicolor/scalable/apps/facewatch.svg").read_text("utf-8")
    validate = shutil.which("desktop-file-validate")
    if validate:
        assert subprocess.run([validate, str(entry)], capture_output=True, check=True).stdout == b""
    assert call("install", "--remove").code == 0
    assert not entry.exists()


def test_a_start_does_not_invite_to_a_folder_that_is_missing(call, inbox, spawned):
    shutil.rmtree(inbox)
    said = call("start")
    assert said.code == 0
    assert f"{inbox} is missing: make that folder" in said.out
    assert "drop photos" not in said.out
    assert len(spawned) == 1  # the daemon; no folder to open


@pytest.mark.parametrize(("frozen", "shown"), [(True, "start"), (False, "help")])
@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_an_app_that_is_opened_by_a_double_click_starts(call, monkeypatch, platform, frozen, shown):
    monkeypatch.setattr(
        main.importlib, "import_module", lambda _: SimpleNamespace(start=lambda: print("began"))
    )
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys, "stdin", None)  # as a windowed program of Windows has it
    assert ("began" in call().out) == (shown == "start")


@pytest.mark.parametrize(
    ("command", "seen", "notes"), [("start", False, 1), ("start", True, 0), ("run", False, 0)]
)
def test_an_error_at_a_start_from_the_desktop_is_shown_there(call, places, monkeypatch, command, seen, notes):
    shown = []
    monkeypatch.setattr("facewatch.system.notification.notify", lambda *parts, **_: shown.append(parts))
    monkeypatch.setattr(main, "_is_unseen", lambda: not seen)
    places.config.parent.mkdir()
    places.config.write_text("model = 3", "utf-8")
    said = call(command)
    assert said.code == 2
    assert len(shown) == notes
    assert all(title == "Facewatch" and str(places.config) in text for title, text in shown)


def test_a_bug_without_a_terminal_is_in_the_log(tmp_path, monkeypatch):
    handler = logging.FileHandler(tmp_path / "tray.log")
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    monkeypatch.setattr(sys, "stderr", None)  # as in a windowed program of Windows

    def program():
        raise ValueError("an unexpected one")

    with pytest.raises(SystemExit):
        main.main(program)
    handler.close()
    assert "ValueError: an unexpected one" in (tmp_path / "tray.log").read_text("utf-8")
