from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from facewatch.errors import FacewatchError
from facewatch.models.files import ModelFiles
from facewatch.settings.store import Store
from facewatch.state.requests import Request
from facewatch.system.autostart import Login
from facewatch.system.autostart.xdg import DesktopEntry
from facewatch.system.paths import Places
from facewatch.tray import menu_items
from facewatch.tray.app import PROBLEM_SECONDS, App, pause_value
from facewatch.tray.opener import Opener, before_after, outside
from tests.pending_requests import take
from tests.tray.views import find, lines

NOW = datetime(2026, 3, 4, 23, 30, tzinfo=timezone(timedelta(hours=2)))


class FakeScreen:
    def __init__(self) -> None:
        self.shows = 0
        self.told: list[str] = []

    def show(self, picture, title, menu) -> None:
        self.shows += 1
        self.picture, self.title, self.menu = picture, title, menu

    def notify(self, notice) -> None:
        self.told.append(notice.text)
        raise RuntimeError("no service for notifications")


class FakeHands(Opener):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.started: list[list[str]] = []

    def _start(self, command, environment=None) -> None:
        if command[-1].endswith(".broken"):
            raise FacewatchError("xdg-open cannot be started")
        self.started.append(command)


class Stage:
    def __init__(self, home: Path) -> None:
        self.now = 100.0
        self.places, self.screen, self.hands = Places.under(home), FakeScreen(), FakeHands(home)
        self.places.config.write_text('# mine\nmodel = "builtin"\n', "utf-8")
        self.login = Login(DesktopEntry([str(home / "facewatch"), "run"], home / "autostart"))
        self.app = App(
            places=self.places,
            store=Store(self.places.config),
            model_files=lambda settings: ModelFiles(settings.models_folder or self.places.models),
            login=self.login,
            hands=self.hands,
            clock=lambda: self.now,
            now=lambda: NOW,
        )

    def click(self, *clicked: menu_items.Action) -> None:
        for action in clicked:
            self.app.click(action)
        self.now += 1
        self.app.turn(self.screen, 0)

    def text(self) -> list[str]:
        return lines(self.screen.menu)


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    stage.app.begin()
    stage.app.refresh(stage.screen)
    return stage


def test_without_a_daemon_it_says_so_and_can_start_one(stage):
    assert stage.screen.title == "Facewatch: not running"
    assert stage.screen.picture.look == "offline"
    stage.click(menu_items.StartDaemon())
    assert stage.hands.started[0][-3:] == ["run", "--config", str(stage.places.config)]


def test_nothing_is_shown_anew_where_nothing_differs(stage):
    stage.click()
    stage.click()
    assert stage.screen.shows == 1


def test_a_choice_is_written_and_read_back_with_the_users_comments(stage):
    stage.click(menu_items.Choose("model", "codeformer"), menu_items.Choose("weights.codeformer", 0.8))
    assert stage.places.config.read_text("utf-8").startswith('# mine\nmodel = "codeformer"\n')
    assert find(stage.screen.menu, "model", "codeformer").checked
    assert find(stage.screen.menu, "weight", "0.8").checked


def test_a_choice_that_cannot_be_is_told_and_changes_nothing(stage):
    before = stage.places.config.read_bytes()
    stage.click(menu_items.Choose("model", "no such model"))
    assert 'model: unknown name "no such' in stage.text()[1]
    assert stage.places.config.read_bytes() == before
    stage.now += PROBLEM_SECONDS
    stage.click()
    assert "unknown name" not in stage.text()[1]


def test_a_config_file_that_was_never_readable_is_shown_and_heals(tmp_path):
    stage = Stage(tmp_path)
    stage.places.config.write_text("model = \n", "utf-8")
    stage.app.refresh(stage.screen)
    assert stage.text()[1] == "~config.toml is not valid TOML: Invalid value (at line 1, column 9)"
    stage.places.config.write_text('model = "builtin"\n', "utf-8")
    stage.click()
    assert find(stage.screen.menu, "model", "builtin").checked


def test_pauses_end_when_they_should():
    assert pause_value("until resumed", NOW) is True
    assert pause_value("no longer", NOW) is None
    assert pause_value("for 1 hour", NOW) == NOW + timedelta(hours=1)
    assert pause_value("until tomorrow", NOW) == datetime(2026, 3, 5, tzinfo=NOW.tzinfo)


def test_a_pause_is_in_the_file_and_a_resume_takes_it_out(stage):
    stage.click(menu_items.Pause("for 1 hour"))
    assert "paused = 2026-03-05T00:30:00+02:00" in stage.places.config.read_text("utf-8")
    stage.click(menu_items.Pause("no longer"))
    assert "paused" not in stage.places.config.read_text("utf-8")


def test_what_is_not_there_is_not_opened(stage, tmp_path):
    stage.click(menu_items.Open(str(tmp_path / "gone.jpg")))
    assert stage.hands.started == []
    assert stage.text()[1].endswith("is not there")
    stage.click(menu_items.Open("https://example.org"))
    assert stage.hands.started == [["xdg-open", "https://example.org"]]


def test_a_program_that_does_not_start_is_told(stage, tmp_path):
    (tmp_path / "a.broken").touch()
    stage.click(menu_items.Open(str(tmp_path / "a.broken")))
    assert stage.text()[1] == "~xdg-open cannot be started"


def test_requests_reach_the_daemon_and_quit_ends_the_tray(stage):
    request = Request("redo", Path("/in/a.jpg"), weight=0.5)
    stage.click(menu_items.LeaveRequest(request))
    assert take(stage.places, os.getpid()) == [request]
    stage.app.click(menu_items.Quit())
    beats: list[int] = []
    stage.app.run(stage.screen, lambda: beats.append(1))  # returns
    assert beats
    assert take(stage.places, os.getpid()) == []  # there is no daemon to ask


def test_login_is_written_only_when_it_is_asked_for(stage, tmp_path):
    assert not (tmp_path / "autostart").exists()
    (tmp_path / "facewatch").touch()
    stage.click(menu_items.Login(wanted=True))
    assert stage.login.state() == "on"
    assert find(stage.screen.menu, "login").checked
    stage.click(menu_items.Login(wanted=False))
    assert stage.login.state() == "off"
    assert not find(stage.screen.menu, "login").checked


def test_a_ledger_that_cannot_be_read_is_shown(stage):
    stage.places.state.mkdir(exist_ok=True)
    stage.places.ledger.write_bytes(b"no database, though as long as one" * 99)
    stage.click()
    assert stage.text()[0].startswith("~Needs attention")
    assert "ledger" in stage.text()[1]
    assert stage.screen.told  # and a service for notifications that fails does no harm


def test_a_page_shows_both_pictures_whatever_they_are_called(tmp_path):
    page = before_after(tmp_path / 'a "1" & <b>.jpg', tmp_path / "ä #2.jpg")
    assert "a%20%221%22%20%26%20%3Cb%3E.jpg" in page
    assert "%C3%A4%20%232.jpg" in page
    assert "<title>a &quot;1&quot; &amp; &lt;b&gt;.jpg: before and after</title>" in page


def test_other_programs_get_their_own_libraries_back(monkeypatch):
    monkeypatch.setattr("sys.frozen", True, raising=False)
    given = {"LD_LIBRARY_PATH": "/app", "LD_LIBRARY_PATH_ORIG": "/mine", "A": "b"}
    assert outside(given) == {"LD_LIBRARY_PATH": "/mine", "A": "b"}
    assert outside({"LD_LIBRARY_PATH": "/app"}) == {}
