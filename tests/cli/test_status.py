"""The words of `facewatch status`."""

from __future__ import annotations

import pytest

from facewatch.cli import status as command
from tests.tray.views import status


@pytest.mark.parametrize(
    ("rest", "offered"),
    [("waiting until 22:00", True), ("waiting for mains power", True), ("paused", False), ("", False)],
)
def test_photos_that_wait_for_their_time_can_be_restored_now(capsys, monkeypatch, places, rest, offered):
    now = status("paused" if rest else "idle", rest=rest)
    monkeypatch.setattr(command, "read_status", lambda *_, **__: now)
    command.status(watch=False, as_json=False)
    assert ("`facewatch resume` restores photos now" in capsys.readouterr().out) == offered
