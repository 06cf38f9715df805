from __future__ import annotations

import contextlib
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from facewatch.errors import FacewatchError
from facewatch.models.files import ModelFiles
from facewatch.settings.store import Store
from facewatch.state.first_start import ask_for_model, model_is_asked
from facewatch.state.ledger import Ledger
from facewatch.state.requests import Request
from facewatch.state.status import GIVING_WAY_KEY
from facewatch.system.autostart import Login
from facewatch.system.autostart.xdg import DesktopEntry
from facewatch.system.paths import Places
from facewatch.tray import menu_items
from facewatch.tray.app import PROBLEM_SECONDS, App, pause_value
from facewatch.tray.notifications import model_question
from facewatch.tray.opener import Opener
from tests.pending_requests import take
from tests.tray.views import CHOICES, find, lines

NOW = datetime(2026, 3, 4, 23, 30, tzinfo=timezone(timedelta(hours=2)))


class FakeTrayIcon:
    def __init__(self) -> None:
        self.shows = 0
        self.notified: list[str] = []

    def show(self, picture, title, menu) -> None:
        self.shows += 1
        self.picture, self.title, self.menu = picture, title, menu

    def notify(self, notification) -> None:
        self.notified.append(notification.text)
        raise RuntimeError("no service for notifications")


class FakeOpener(Opener):
    def __init__(self) -> None:
        super().__init__()
        self.started: list[list[str]] = []

    def _spawn(self, command, environment=None) -> None:
        if command[-1].endswith(".broken"):
            raise FacewatchError("xdg-open cannot be started")
        self.started.append(command)


class Fixture:
    def __init__(self, home: Path) -> None:
        self.now = 100.0
        self.places, self.icon, self.opener = Places.under(home), FakeTrayIcon(), FakeOpener()
        self.places.config.write_text('# mine\nmodel = "builtin"\n', "utf-8")
        self.login = Login(DesktopEntry([str(home / "facewatch"), "run"], home / "autostart"))
        self.app = App(
            places=self.places,
            store=Store(self.places.config),
            model_files=lambda settings: ModelFiles(settings.models_folder or self.places.models),
            login=self.login,
            opener=self.opener,
            clock=lambda: self.now,
            now=lambda: NOW,
        )

    def click(self, *clicked: menu_items.Action) -> None:
        for action in clicked:
            self.app.click(action)
        self.now += 1
        self.app.step(self.icon, 0)

    def text(self) -> list[str]:
        return lines(self.icon.menu)


@pytest.fixture
def tray(tmp_path):
    tray = Fixture(tmp_path)
    tray.app.repair_autostart()
    tray.app.refresh(tray.icon)
    return tray


def test_without_a_daemon_the_icon_says_so_and_can_start_one(tray):
    assert tray.icon.title == "Facewatch: not running"
    assert tray.icon.picture.look == "offline"
    tray.click(menu_items.StartDaemon())
    assert tray.opener.started[0][-3:] == ["run", "--config", str(tray.places.config)]


def test_an_unchanged_state_is_not_shown_again(tray):
    tray.click()
    tray.click()
    assert tray.icon.shows == 1


def test_a_chosen_setting_is_written_and_comments_stay(tray):
    tray.click(
        menu_items.ChangeSetting("model", "codeformer"), menu_items.ChangeSetting("weights.codeformer", 0.8)
    )
    assert tray.places.config.read_text("utf-8").startswith('# mine\nmodel = "codeformer"\n')
    assert find(tray.icon.menu, "model", "codeformer").checked
    assert find(tray.icon.menu, "weight", "0.8").checked


def test_an_invalid_choice_is_reported_and_changes_nothing(tray):
    before = tray.places.config.read_bytes()
    tray.click(menu_items.ChangeSetting("model", "no such model"))
    assert 'model: unknown name "no such' in tray.text()[1]
    assert tray.places.config.read_bytes() == before
    tray.now += PROBLEM_SECONDS
    tray.click()
    assert "unknown name" not in tray.text()[1]


def test_an_unreadable_config_file_is_reported_until_it_is_fixed(tmp_path):
    tray = Fixture(tmp_path)
    tray.places.config.write_text("model = \n", "utf-8")
    tray.app.refresh(tray.icon)
    assert tray.text()[1].startswith("config.toml is not valid TOML: Invalid value (at line 1, co")
    tray.places.config.write_text('model = "builtin"\n', "utf-8")
    tray.click()
    assert find(tray.icon.menu, "model", "builtin").checked


def test_a_pause_has_the_right_end():
    assert pause_value("until resumed", NOW) is True
    assert pause_value("for 1 hour", NOW) == NOW + timedelta(hours=1)
    assert pause_value("until tomorrow", NOW) == datetime(2026, 3, 5, tzinfo=NOW.tzinfo)


def test_pausing_writes_the_setting_and_resuming_removes_it(tray):
    tray.click(menu_items.Pause("for 1 hour"))
    assert "paused = 2026-03-05T00:30:00+02:00" in tray.places.config.read_text("utf-8")
    tray.click(menu_items.Pause("no longer"))
    assert "paused" not in tray.places.config.read_text("utf-8")


def test_resuming_sets_the_hours_to_work_aside(tray):
    soon = NOW.astimezone() + timedelta(hours=2)
    hours = f"{soon:%H:%M}-{soon + timedelta(hours=1):%H:%M}"
    tray.click(menu_items.ChangeSetting("engine.when", hours))
    tray.click(menu_items.Pause("no longer"))
    settings = Store(tray.places.config).load()
    assert settings.work_until == NOW + timedelta(hours=12)


def test_work_now_sets_giving_way_aside(tray, monkeypatch):
    tray.places.ledger.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(Ledger.open(tray.places.ledger)) as ledger:
        ledger.note(GIVING_WAY_KEY, "waiting while a program runs full screen")
    monkeypatch.setattr("facewatch.state.status.running_pid", lambda _: 1)
    tray.click(menu_items.Pause("no longer"))
    assert Store(tray.places.config).load().work_until == NOW + timedelta(hours=12)


def test_a_missing_file_is_not_opened(tray, tmp_path):
    tray.click(menu_items.Open(str(tmp_path / "gone.jpg")))
    assert tray.opener.started == []
    assert tray.text()[1].endswith("does not exist >")
    tray.click(menu_items.Open("https://example.org"))
    assert tray.opener.started == [["xdg-open", "https://example.org"]]


def test_a_program_that_does_not_start_is_reported(tray, tmp_path):
    (tmp_path / "a.broken").touch()
    tray.click(menu_items.Open(str(tmp_path / "a.broken")))
    assert tray.text()[1] == "xdg-open cannot be started >"


def test_requests_reach_the_daemon_and_quit_ends_the_tray(tray):
    request = Request("redo", Path("/in/a.jpg"), weight=0.5)
    tray.click(menu_items.SendRequest(request))
    assert take(tray.places, os.getpid()) == [request]
    tray.app.click(menu_items.Quit())
    beats: list[int] = []
    tray.app.run(tray.icon, lambda: beats.append(1))  # returns
    assert beats
    assert take(tray.places, os.getpid()) == []  # there is no daemon to ask


def test_the_autostart_entry_is_written_only_on_request(tray, tmp_path):
    assert not (tmp_path / "autostart").exists()
    (tmp_path / "facewatch").touch()
    tray.click(menu_items.StartAtLogin(enabled=True))
    assert tray.login.state() == "on"
    assert find(tray.icon.menu, "login").checked
    tray.click(menu_items.StartAtLogin(enabled=False))
    assert tray.login.state() == "off"
    assert not find(tray.icon.menu, "login").checked


def test_an_unreadable_ledger_is_reported(tray):
    tray.places.state.mkdir(exist_ok=True)
    tray.places.ledger.write_bytes(b"no database, though as long as one" * 99)
    tray.click()
    assert tray.text()[0].startswith("~Needs attention")
    assert "ledger" in tray.text()[1]
    assert tray.icon.notified  # although the notification service fails


def test_the_gallery_is_opened_at_a_page_and_at_a_photo(tray):
    tray.click(menu_items.OpenGallery("problems"), menu_items.OpenGallery(photo=Path("/in/a.jpg")))
    config = ["--config", str(tray.places.config)]
    assert [command[-5:] for command in tray.opener.started] == [
        ["gallery", "--page", "problems", *config],
        ["gallery", "--photo", "/in/a.jpg", *config],
    ]


def test_after_a_first_start_the_model_is_asked_once_until_one_is_chosen(tray):
    ask_for_model(tray.places)
    tray.click()
    tray.click()
    assert sum("larger models" in text for text in tray.icon.notified) == 1
    assert any(row.startswith("Model: builtin (please choose)") for row in tray.text())
    tray.click(menu_items.ChangeSetting("model", "builtin"))
    assert any(row.startswith("Model: builtin >") for row in tray.text())
    assert not model_is_asked(tray.places, "builtin")


def test_a_model_chosen_elsewhere_answers_the_question(tray):
    Store(tray.places.config).update({"model": "codeformer"})
    ask_for_model(tray.places)
    tray.click()
    assert not any("larger models" in text for text in tray.icon.notified)


def test_the_question_offers_to_keep_the_model_first_and_names_what_the_others_cost():
    asked = model_question(CHOICES, "builtin")
    assert [label for label, _ in asked.actions] == [
        "Keep builtin",
        "gfpgan-1.4 (349 MB, non-commercial)",
        "codeformer (download 377 MB, non-commercial)",
    ]
