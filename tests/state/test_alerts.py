from __future__ import annotations

import pytest

from facewatch.errors import DiskFull
from facewatch.state.alerts import INCIDENTS_KEPT, INCIDENTS_KEY, Alerts, format_incident, parse_incidents
from facewatch.state.ledger import Ledger


class FakeNotes:
    def __init__(self) -> None:
        self.facts = {}
        self.full = False

    def note(self, key, value) -> None:
        if self.full:
            raise DiskFull("no space left")
        self.facts[key] = value

    def forget(self, *keys) -> None:
        for key in keys:
            self.facts.pop(key, None)

    def fact(self, key):
        return self.facts.get(key)


def whats(notes) -> list[str]:
    return [incident["what"] for incident in parse_incidents(notes.fact(INCIDENTS_KEY))]


def test_a_trouble_is_told_once_and_gone_when_it_is_solved(caplog):
    notes = FakeNotes()
    alerts = Alerts(notes, now=lambda: 5.0)
    alerts.raise_alert("disk", "no space")
    alerts.raise_alert("disk", "no space")
    assert notes.facts["troubles"] == {"disk": {"text": "no space", "since": 5.0}}
    assert caplog.text.count("disk: no space") == 1
    alerts.clear_alert("disk")
    assert notes.facts["troubles"] == {}


def test_what_was_solved_while_nothing_could_be_noted_is_noted_later(caplog):
    notes = FakeNotes()
    alerts = Alerts(notes)
    alerts.raise_alert("ledger", "no space")
    notes.full = True
    alerts.clear_alert("ledger")
    alerts.clear_alert("device")
    assert caplog.text.count("the troubles cannot be noted") == 1
    notes.full = False
    alerts.clear_alert("device")
    assert notes.facts["troubles"] == {}


def test_incidents_have_their_time_and_survive_a_restart(tmp_path):
    for day, what in enumerate(("the tray was started again", "the engine hung and was ended")):
        ledger = Ledger.open(tmp_path / "ledger.sqlite3")
        Alerts(ledger, now=lambda day=day: 100.0 + day).record_incident(what)
        ledger.close()
    ledger = Ledger.open(tmp_path / "ledger.sqlite3")
    assert parse_incidents(ledger.fact(INCIDENTS_KEY)) == [
        {"when": 100.0, "what": "the tray was started again"},
        {"when": 101.0, "what": "the engine hung and was ended"},
    ]
    ledger.close()


def test_only_the_last_incidents_are_kept():
    notes = FakeNotes()
    alerts = Alerts(notes)
    for number in range(INCIDENTS_KEPT + 7):
        alerts.record_incident(f"{number}")
    assert whats(notes) == [f"{number}" for number in range(7, INCIDENTS_KEPT + 7)]


def test_an_incident_that_cannot_be_noted_is_noted_with_the_next():
    notes = FakeNotes()
    alerts = Alerts(notes)
    notes.full = True
    alerts.record_incident("the disk was full")
    notes.full = False
    alerts.record_incident("the disk has room again")
    assert whats(notes) == ["the disk was full", "the disk has room again"]


@pytest.mark.parametrize(
    "fact", [None, 7, {"a": 1}, "text", [1, {}, {"when": "now", "what": "x"}, {"when": 1}]]
)
def test_a_list_of_another_form_has_no_incidents(fact):
    assert parse_incidents(fact) == []
    notes = FakeNotes()
    notes.facts[INCIDENTS_KEY] = fact
    Alerts(notes).record_incident("one")
    assert whats(notes) == ["one"]


def test_an_incident_is_told_at_local_time():
    assert format_incident({"when": 86_400.0 * 365, "what": "slept"}).endswith(" slept")
    assert format_incident({"when": 86_400.0 * 365, "what": "slept"}).startswith(("1970-12-31", "1971-01-01"))
