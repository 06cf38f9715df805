"""Hours, mains power and an unused computer as times to work."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from facewatch.errors import BadSettings
from facewatch.settings import schedule
from facewatch.settings.schedule import WORK_NOW, rest_reason, resumed
from facewatch.settings.schema import Settings, parse


def settings(when, **more):
    return parse({"engine": {"when": when}, **more}, "config.toml")


def at(clock):
    return datetime.fromisoformat(f"2026-11-28T{clock}:00").astimezone()


@pytest.mark.parametrize(
    ("when", "clock", "reason"),
    [
        ("always", "12:00", ""),
        ("22:00-07:00", "21:59", "waiting until 22:00"),
        ("22:00-07:00", "22:00", ""),
        ("22:00-07:00", "03:00", ""),
        ("22:00-07:00", "07:00", "waiting until 22:00"),
        ("9:30 - 17:00", "09:29", "waiting until 09:30"),
        ("9:30 - 17:00", "16:59", ""),
        ("9:30 - 17:00", "17:00", "waiting until 09:30"),
    ],
)
def test_photos_wait_for_their_hours(when, clock, reason):
    assert rest_reason(settings(when), at(clock), lambda: True) == reason


def test_photos_wait_for_mains_power():
    assert rest_reason(settings("mains"), battery=lambda: True) == "waiting for mains power"
    assert rest_reason(settings("mains"), battery=lambda: False) == ""


@pytest.mark.parametrize(
    ("when", "unused", "reason"),
    [
        ("idle 10", 599.0, "waiting until the computer is unused for 10 minutes"),
        ("idle 10", 600.0, ""),
        ("idle 10", None, ""),
        ("idle 1", 0.0, "waiting until the computer is unused for a minute"),
        ("idle  1440", float("inf"), ""),
    ],
)
def test_photos_wait_until_nobody_uses_the_computer(when, unused, reason):
    assert rest_reason(settings(when), unused_for=lambda: unused) == reason


def test_work_now_sets_the_use_of_the_computer_aside(monkeypatch):
    monkeypatch.setattr(schedule, "rest_reason", lambda *_: "waiting until the computer is unused")
    now = at("12:00")
    assert resumed(settings("idle 10"), now)["work_until"] == now + WORK_NOW
    later = settings("idle 10", work_until=now + WORK_NOW)
    assert rest_reason(later, now, unused_for=lambda: 0.0) == ""


def test_a_pause_holds_within_the_hours_too():
    assert rest_reason(settings("22:00-07:00", paused=True), at("23:00")) == "paused"


def test_resume_ends_a_pause_and_sets_the_hours_aside_for_a_while():
    now = at("12:00")
    assert resumed(Settings(paused=True), now) == {"paused": None, "work_until": None}
    changes = resumed(settings("22:00-07:00", paused=True), now)
    assert changes == {"paused": None, "work_until": now + WORK_NOW}
    after = settings("22:00-07:00", work_until=changes["work_until"])
    assert rest_reason(after, now + timedelta(hours=1)) == ""
    assert rest_reason(after, at("12:00") + timedelta(days=1)) == "waiting until 22:00"


@pytest.mark.parametrize("year", [1, 9999])
def test_every_time_that_toml_can_write_is_taken(year):
    after = settings("22:00-07:00", work_until=datetime(year, 1, 1))  # noqa: DTZ001 - as the file has it
    assert rest_reason(after, at("12:00")) == ("" if year == 9999 else "waiting until 22:00")


WRONG = ["", "night", "22:00", "25:00-07:00", "07:00-07:00", "22-07", "22:00-07:60"]
WRONG += ["idle", "idle 0", "idle 1441", "idle 10 min"]


@pytest.mark.parametrize("when", WRONG)
def test_other_words_are_refused_with_what_to_write(when):
    words = r'write "always", "mains" \(not .*, "idle 10" \(when unused .* or hours such as "22:00-07:00"'
    with pytest.raises(BadSettings, match=words):
        settings(when)
