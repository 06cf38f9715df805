"""The words of `facewatch status`."""

from __future__ import annotations

import pytest

from facewatch.cli import status as command
from tests.tray.views import status


def test_a_line_end_in_a_name_begins_no_line_of_its_own(capsys, monkeypatch, places):
    photo = {
        "path": "/in/a\nneeds attention: b.jpg",
        "state": "done",
        "reason": "",
        "report": None,
        "error": "",
    }
    failed = {**photo, "state": "parked", "reason": "it is damaged"}
    current = {"path": photo["path"], "done": 1, "total": 2, "what": "faces"}
    now = status("working", recent=[photo], failed=[failed], current=current)
    monkeypatch.setattr(command, "read_status", lambda *_, **__: now)
    command.status(watch=False, as_json=False)
    shown = capsys.readouterr().out
    assert shown.count("/in/a\\nneeds attention: b.jpg") == 3
    assert "\nneeds attention" not in shown


@pytest.mark.parametrize(
    ("rest", "offered"),
    [("waiting until 22:00", True), ("waiting for mains power", True), ("paused", False), ("", False)],
)
def test_photos_that_wait_for_their_time_can_be_restored_now(capsys, monkeypatch, places, rest, offered):
    now = status("paused" if rest else "idle", rest=rest)
    monkeypatch.setattr(command, "read_status", lambda *_, **__: now)
    command.status(watch=False, as_json=False)
    assert ("`facewatch resume` restores photos now" in capsys.readouterr().out) == offered
