"""The notification of a finished `facewatch restore` that the file manager started."""

from __future__ import annotations

import pytest

from facewatch.cli import desktop_note
from facewatch.cli.desktop_note import shown_on_desktop
from facewatch.errors import WrongUse
from facewatch.system import filemanager


@pytest.fixture
def shown(monkeypatch):
    notes = []

    def notify(title, text, *, warning):
        notes.append((text, warning))
        return True

    monkeypatch.setattr(desktop_note, "notify", notify)
    return notes


def result(outcome, name, summary):
    output = f"/photos/Restored/{name}" if outcome == "restored" else None
    return {"source": f"/photos/{name}", "output": output, "outcome": outcome, "summary": summary}


def test_one_photo_is_named_with_what_became_of_it(shown):
    with shown_on_desktop(wanted=True) as show:
        show([result("restored", "a.jpg", "1 face")], "1 restored")
    assert shown == [("restored: a.jpg: 1 face", False)]


def test_among_many_photos_the_first_that_failed_is_named(shown):
    results = [result("restored", "a.jpg", "1 face"), result("failed", "b.jpg", "it is damaged")]
    with shown_on_desktop(wanted=True) as show:
        show(results, "1 restored, 1 failed")
    assert shown == [("1 restored, 1 failed. failed: b.jpg: it is damaged", True)]


def test_an_error_is_shown_and_goes_on(shown):
    with pytest.raises(WrongUse), shown_on_desktop(wanted=True):
        raise WrongUse("accept the licence first")
    assert shown == [("accept the licence first", True)]


def test_nothing_is_shown_unless_wanted(shown):
    with shown_on_desktop(wanted=False) as show:
        show([result("restored", "a.jpg", "1 face")], "1 restored")
    with pytest.raises(WrongUse), shown_on_desktop(wanted=False):
        raise WrongUse("accept the licence first")
    assert shown == []


def test_a_desktop_without_notifications_is_said_on_the_terminal(monkeypatch, capsys):
    monkeypatch.setattr(desktop_note, "notify", lambda *_, **__: False)
    monkeypatch.setattr("sys.platform", "linux")
    with shown_on_desktop(wanted=True) as show:
        show([result("restored", "a.jpg", "1 face")], "1 restored")
    assert "shows no notifications" in capsys.readouterr().err


def test_the_entries_of_linux_ask_for_the_notification(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    entries = filemanager.of_this_system(["/opt/facewatch", "restore"])
    for entry in entries:
        entry.enable()
    assert len(entries) == 2
    assert all("--notify" in entry.file.read_text("utf-8") for entry in entries)


def test_the_entry_of_macos_asks_for_the_notification(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    (action,) = filemanager.of_this_system(["/opt/facewatch", "restore"])
    assert action._command == ("/opt/facewatch", "restore", "--notify")
