from __future__ import annotations

import os
import subprocess
import sys

import pytest

from facewatch.errors import NoTray
from facewatch.tray.detect import WAIT_SECONDS, Desktop, choose, wait_for_tray

BOTH = ("appindicator", "gtk")
GOOD = {"named": True, "display": True, "libraries": BOTH, "watcher": True, "embedding": False}


def desktop(**changes) -> Desktop:
    return Desktop(**{**GOOD, **changes})


@pytest.mark.parametrize(
    ("changes", "backend"),
    [
        ({}, "appindicator"),
        ({"watcher": False, "embedding": True}, "appindicator"),  # the library falls back to embedding
        ({"libraries": ("gtk",), "embedding": True}, "gtk"),
        ({"libraries": ("gtk",)}, None),
        ({"watcher": False}, None),
        ({"display": False}, None),
    ],
)
def test_the_backend_is_the_one_that_works_now(changes, backend):
    assert choose(desktop(**changes)) == backend


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"named": False}, "no display or no session bus"),
        ({"libraries": ()}, "gir1.2-ayatanaappindicator3-0.1"),
    ],
)
def test_a_desktop_that_waiting_cannot_help_is_refused(changes, word):
    with pytest.raises(NoTray, match=word) as caught:
        choose(desktop(**changes))
    assert str(caught.value).startswith("no tray on this desktop: ")
    assert "use `facewatch status`" in str(caught.value)
    assert "\n" not in str(caught.value)


class Panel:
    """A panel that starts after some seconds."""

    def __init__(self, after: float) -> None:
        self.now, self.after = 0.0, after

    def look(self) -> Desktop:
        return desktop(watcher=self.now >= self.after)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="their panels are always there")
def test_the_tray_waits_two_minutes_for_a_panel():
    late = Panel(after=100)
    assert wait_for_tray(late.look, lambda: late.now, late.sleep) == "appindicator"
    assert 100 <= late.now <= 104
    never = Panel(after=1e9)
    with pytest.raises(NoTray, match="no panel shows tray icons"):
        wait_for_tray(never.look, lambda: never.now, never.sleep)
    assert WAIT_SECONDS <= never.now <= WAIT_SECONDS + 4


LOOK = """
from facewatch.tray.detect import look
found = look()
print(found.named, found.display, found.watcher)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's own")
@pytest.mark.parametrize(
    ("variables", "named"),
    [({}, False), ({"DISPLAY": ":6543", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/no"}, True)],
)
def test_a_bare_environment_and_a_dead_display_are_detected(variables, named):
    gone = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in gone} | variables
    # A process of its own: python-xlib leaves its sockets open when a display does not answer.
    run = subprocess.run(
        [sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    assert run.stdout.split() == [str(named), "False", "False"]
