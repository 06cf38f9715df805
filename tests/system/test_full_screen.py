"""Programs that run full screen, by every service that tells."""

from __future__ import annotations

import sys

import pytest

from facewatch.system import full_screen
from facewatch.system.full_screen import GAME_MODE, a_program_runs_full_screen
from tests.bus import private_bus, served, variant
from tests.full_screen import Screen
from tests.tray.desktop import needed_display

linux = pytest.mark.skipif(sys.platform != "linux", reason="X11 and GameMode are asked on Linux only")


@linux
@pytest.mark.parametrize(("games", "expected"), [(0, False), (2, True)])
def test_game_mode_tells_of_games(monkeypatch, games, expected):
    monkeypatch.delenv("DISPLAY", raising=False)
    with (
        private_bus(monkeypatch) as bus,
        served(bus, GAME_MODE.name, {"ClientCount": variant("i", games)}),
    ):
        assert a_program_runs_full_screen() is expected


@linux
def test_without_a_desktop_nothing_runs_full_screen(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with private_bus(monkeypatch):
        assert a_program_runs_full_screen() is False


@linux
@pytest.mark.needs_display
def test_a_window_that_fills_its_screen_is_seen_while_it_is_in_sight(tmp_path, monkeypatch):
    with needed_display(tmp_path) as environment:
        for name in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
            monkeypatch.setenv(name, environment[name])
        with Screen() as screen:
            assert a_program_runs_full_screen() is False
            window = screen.open()
            assert a_program_runs_full_screen() is False
            screen.set_states(window, "MAXIMIZED_VERT", "FULLSCREEN")
            assert a_program_runs_full_screen() is True
            screen.set_states(window, "FULLSCREEN", "HIDDEN")
            assert a_program_runs_full_screen() is False
            screen.set_states(window, "FULLSCREEN")
            screen.show_desktop(1)
            assert a_program_runs_full_screen() is False
            screen.show_desktop(0)
            assert a_program_runs_full_screen() is True
            screen.destroy(window)  # and the window manager's list has not followed yet
            assert a_program_runs_full_screen() is False


@pytest.mark.parametrize(("state", "expected"), [(1, False), (2, True), (3, True), (4, True), (5, False)])
def test_every_state_of_windows_is_understood(monkeypatch, state, expected):
    monkeypatch.setattr(full_screen.sys, "platform", "win32")
    monkeypatch.setattr(full_screen, "_windows_state", lambda: state)
    assert a_program_runs_full_screen() is expected


@pytest.mark.skipif(sys.platform != "win32", reason="Windows' own call")
def test_windows_tells_a_state():
    assert full_screen._windows_state() in range(1, 8)
