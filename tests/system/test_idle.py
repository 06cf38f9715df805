"""How long the computer has been unused, by every service that tells."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import time

import pytest

from facewatch.system import idle
from facewatch.system.idle import ASK_SECONDS, LOGIND, MUTTER, SCREENSAVER, IdleTime, idle_seconds
from tests.bus import private_bus, served, variant
from tests.clock import Clock
from tests.tray.desktop import needed_display

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="D-Bus is asked on Linux only")


@pytest.fixture
def bus(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with private_bus(monkeypatch) as address:
        yield address


@linux
def test_gnome_tells_milliseconds(bus):
    with served(bus, MUTTER.name, {"GetIdletime": ("t", (61_500,))}):
        assert idle_seconds() == 61.5


@linux
def test_logind_tells_since_when(bus):
    since = int((time.monotonic() - 300) * 1e6)
    hints = {"IdleHint": variant("b", True), "IdleSinceHintMonotonic": variant("t", since)}
    with served(bus, LOGIND.name, hints):
        assert 300 <= idle_seconds() < 310


@linux
def test_a_user_who_is_back_is_no_longer_away(bus):
    hints = {"IdleHint": variant("b", False), "IdleSinceHintMonotonic": variant("t", 5)}
    with served(bus, LOGIND.name, hints):
        assert idle_seconds() == 0


@linux
@pytest.mark.parametrize(("locked", "seconds"), [(True, math.inf), (False, 0.0)])
def test_a_desktop_that_never_gave_the_hint_tells_by_its_lock(bus, locked, seconds):
    hints = {"IdleHint": variant("b", False), "IdleSinceHintMonotonic": variant("t", 0)}
    with served(bus, LOGIND.name, hints), served(bus, SCREENSAVER.name, {"GetActive": ("b", (locked,))}):
        assert idle_seconds() == seconds


@linux
def test_without_a_desktop_nothing_is_told(bus, monkeypatch):
    assert idle_seconds() is None
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere")
    assert idle_seconds() is None


@linux
@pytest.mark.needs_display
def test_a_key_on_a_display_ends_the_time(tmp_path, monkeypatch):
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed")
    with needed_display(tmp_path) as environment:
        for name in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
            monkeypatch.setenv(name, environment[name])
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        from Xlib.display import Display

        client = Display()  # a server whose last program goes starts again
        deadline = time.monotonic() + 60
        while (before := idle_seconds()) < 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert before >= 1
        subprocess.run(["xdotool", "mousemove_relative", "3", "3"], env=environment, check=True)
        assert idle_seconds() < before
        monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")  # X sees only what goes to X programs then
        assert idle_seconds() is None
        client.close()


def test_macos_tells_nanoseconds():
    words = '  | |   "HIDIdleTime" = 7500000000\n'
    program = (sys.executable, "-c", f"print({words!r})")
    assert idle._macos(program) == 7.5
    assert idle._macos((sys.executable, "-c", "")) is None
    assert idle._macos(("/nowhere/ioreg",)) is None


@pytest.mark.skipif(sys.platform != "win32", reason="Windows' own call")
def test_windows_tells_the_last_input():
    assert 0 <= idle_seconds() < 30 * 86400


def test_the_system_is_asked_every_few_seconds_only():
    clock, asked = Clock(), []
    unused_for = IdleTime(lambda: asked.append(1) or float(len(asked)), clock)
    assert [unused_for(), unused_for()] == [1, 1]
    clock.now += ASK_SECONDS
    assert unused_for() == 2
