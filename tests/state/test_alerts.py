"""The problems of the moment, and the incidents that survive a restart."""

from __future__ import annotations

import pytest

from facewatch.errors import DiskFull
from facewatch.state.alerts import INCIDENTS_KEPT, INCIDENTS_KEY, Alerts, format_incident, parse_incidents
from facewatch.state.ledger import Ledger


class FakeFacts:
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


def whats(store) -> list[str]:
    return [incident["what"] for incident in parse_incidents(store.fact(INCIDENTS_KEY))]


def test_a_problem_is_logged_once_and_removed_when_it_is_resolved(caplog):
    store = FakeFacts()
    alerts = Alerts(store, now=lambda: 5.0)
    alerts.raise_alert("disk", "no space")
    alerts.raise_alert("disk", "no space")
    assert store.facts["troubles"] == {"disk": {"text": "no space", "since": 5.0}}
    assert caplog.text.count("disk: no space") == 1
    alerts.clear_alert("disk")
    assert store.facts["troubles"] == {}


def test_a_problem_resolved_while_the_ledger_was_full_is_removed_later(caplog):
    store = FakeFacts()
    alerts = Alerts(store)
    alerts.raise_alert("ledger", "no space")
    store.full = True
    alerts.clear_alert("ledger")
    alerts.clear_alert("device")
    assert caplog.text.count("cannot record the problems") == 1
    store.full = False
    alerts.clear_alert("device")
    assert store.facts["troubles"] == {}


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
    store = FakeFacts()
    alerts = Alerts(store)
    for number in range(INCIDENTS_KEPT + 7):
        alerts.record_incident(f"{number}")
    assert whats(store) == [f"{number}" for number in range(7, INCIDENTS_KEPT + 7)]


def test_an_incident_that_cannot_be_recorded_is_recorded_with_the_next():
    store = FakeFacts()
    alerts = Alerts(store)
    store.full = True
    alerts.record_incident("the disk was full")
    store.full = False
    alerts.record_incident("the disk has room again")
    assert whats(store) == ["the disk was full", "the disk has room again"]


@pytest.mark.parametrize(
    "fact", [None, 7, {"a": 1}, "text", [1, {}, {"when": "now", "what": "x"}, {"when": 1}]]
)
def test_an_invalid_list_has_no_incidents(fact):
    assert parse_incidents(fact) == []
    store = FakeFacts()
    store.facts[INCIDENTS_KEY] = fact
    Alerts(store).record_incident("one")
    assert whats(store) == ["one"]


def test_an_incident_is_shown_in_local_time():
    assert format_incident({"when": 86_400.0 * 365, "what": "slept"}).endswith(" slept")
    assert format_incident({"when": 86_400.0 * 365, "what": "slept"}).startswith(("1970-12-31", "1971-01-01"))
