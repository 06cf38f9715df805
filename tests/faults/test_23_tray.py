"""Tray.

A tray runs on a virtual display: its menu is clicked over D-Bus while it refreshes; display, bus and notifier
are missing; it is stopped with SIGSTOP, killed, and quits together with its daemon.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import threading
import time

import psutil
import pytest

from facewatch.daemon.tray_supervisor import NO_TRAY, TraySupervisor
from facewatch.state.heartbeat import BEAT_SECONDS, HeartbeatMonitor, tray_heartbeat_file
from facewatch.state.ledger import LedgerView
from tests.daemon_process import DaemonProcess
from tests.portrait import portrait_bytes
from tests.tray import photos
from tests.tray.desktop import (
    BUBBLES,
    WATCHER,
    PanelProcess,
    TrayProcess,
    eventually,
    needed_desktop,
    shown_tray,
)

pytestmark = [pytest.mark.needs_display, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def desktop(tmp_path_factory):
    with needed_desktop(tmp_path_factory.mktemp("desktop") / "runtime") as environment:
        yield environment


@pytest.fixture
def panel(desktop):
    process = PanelProcess(desktop, WATCHER, BUBBLES)
    yield process
    process.close()


@pytest.fixture
def tray(desktop, panel, tmp_path):
    with shown_tray(tmp_path / "home", desktop, panel) as process:
        yield process


@pytest.fixture
def portrait():
    return portrait_bytes()


@pytest.fixture
def daemon(desktop, panel, tmp_path):
    """Yield a daemon that has started its tray."""
    process = DaemonProcess(tmp_path, {**desktop, "XDG_CONFIG_HOME": str(tmp_path / "xdg")})
    process.start()
    eventually(lambda: panel.ask("items") > 0, "the icon", 30)
    yield process
    process.stop(signal.SIGKILL)


def weight_used(daemon, name):
    photo = LedgerView(daemon.places.ledger).photo(daemon.inbox / name)
    return photo.report["weight"] if photo and photo.report else None


def test_twenty_clicks_take_effect_while_the_menu_refreshes(tray, panel, measured):
    stop = threading.Event()
    refreshed = itertools.count()

    def work() -> None:  # new texts each time, other rows every second, a longer list every third time
        for number in refreshed:
            tray.ledger.note(
                "current", {"path": f"/in/IMG_{number}.jpg", "done": 1, "total": 9, "what": "faces"}
            )
            troubles = {"disk": {"text": "no space", "since": 0}} if number % 2 else {}
            tray.ledger.note("troubles", troubles)
            if number % 3 == 0:
                photo = tray.home / "in" / f"{number}.jpg"
                photos.queue(tray.ledger, photo)
                photos.finish(tray.ledger, photo, tray.home / "out" / photo.name)
            if stop.wait(0.3):
                return

    worker = threading.Thread(target=work)
    worker.start()
    effective, slowest = 0, 0.0
    try:
        for number in range(20):
            weight = ((number * 7) % 10 + 1) / 10
            shown = {0.5: "Balanced", 0.8: "Faithful"}.get(weight, f"{weight:.1f}")
            entry = panel.find("Weight", shown)["id"]
            time.sleep(0.35)  # the menu changes between the lookup and the click
            panel.ask("click", entry)
            took = eventually(lambda: tray.settings.weight_of("builtin") == weight, f"click {number}", 1)  # noqa: B023
            effective, slowest = effective + 1, max(slowest, took)
            eventually(lambda: panel.on("Weight") == [shown], f"tick {number}", 1)  # noqa: B023
    finally:
        stop.set()
        worker.join()
    changes = next(refreshed)
    assert effective == 20
    assert changes > 20
    measured(
        f"{effective} of 20 clicks while the menu changed {changes} times, saved within {slowest:.2f} s, one "
        "weight checked after each"
    )


def test_a_click_applies_to_the_next_photo_and_quit_ends_all_processes(daemon, panel, portrait, measured):
    (daemon.inbox / "a.jpg").write_bytes(portrait)
    daemon.wait_for(lambda: weight_used(daemon, "a.jpg") == 0.0, "the first photo")
    panel.click("Weight", "0.7")
    eventually(lambda: "0.7" in daemon.places.config.read_text("utf-8"), "the file", 2)
    time.sleep(1.5)  # a config is read a second after its last change
    (daemon.inbox / "b.jpg").write_bytes(portrait)
    daemon.wait_for(lambda: weight_used(daemon, "b.jpg") == 0.7, "the second photo with the clicked weight")
    children = psutil.Process(daemon.process.pid).children(recursive=True)
    assert any("tray" in process.cmdline() for process in children)
    panel.click("Quit")
    began = time.monotonic()
    assert daemon.process.wait(10) == 0
    took = time.monotonic() - began
    assert took < 5
    assert not psutil.wait_procs(children, timeout=3)[1]
    measured(f"daemon, engine and tray gone {took:.1f} s after Quit")


def test_a_killed_tray_is_restarted_and_the_daemon_keeps_working(daemon, portrait):
    def trays():
        children = psutil.Process(daemon.process.pid).children()
        alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
        return [child for child in alive if "tray" in child.cmdline()]

    (first,) = trays()
    first.kill()
    eventually(lambda: [p.pid for p in trays()] not in ([], [first.pid]), "another tray", 15)
    (daemon.inbox / "a.jpg").write_bytes(portrait)
    daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the copy")
    assert daemon.stop() == 0


def test_a_hung_tray_is_ended_and_restarted(desktop, panel, tmp_path, measured):
    limit = BEAT_SECONDS + 2  # the daemon waits for a minute
    tray, incidents = TrayProcess(tmp_path / "home", desktop), []
    tray_supervisor = TraySupervisor(
        tray.command(),
        begin=lambda command: subprocess.Popen(command, env=tray.environment, stderr=subprocess.DEVNULL),
        heartbeat=HeartbeatMonitor(tray_heartbeat_file(tray.places)),
        on_incident=incidents.append,
        stuck_seconds=limit,
    )

    def icons() -> int:
        tray_supervisor.tick()
        return panel.ask("items")

    tray_supervisor.start()
    try:
        eventually(lambda: icons() == 1, "the icon", 20)
        first = tray_supervisor.pid
        began = time.monotonic()
        while time.monotonic() < began + limit + 1:  # a responsive tray is not restarted
            tray_supervisor.tick()
            time.sleep(0.2)
        assert (tray_supervisor.pid, incidents) == (first, [])
        os.kill(first, signal.SIGSTOP)
        took = eventually(lambda: icons() == 2, "the icon again", 40)
        assert not psutil.pid_exists(first)
        assert incidents == [
            f"the tray gave no sign of life for {limit:g} s: it was ended and is started again"
        ]
        measured(f"stopped with SIGSTOP: shown again after {took:.0f} s, with a limit of {limit:g} s")
    finally:
        tray_supervisor.stop()
        tray.ledger.close()


def test_without_a_service_for_notifications_the_tray_lives_on(desktop, tmp_path):
    panel = PanelProcess(desktop, WATCHER)
    try:
        with shown_tray(tmp_path / "home", desktop, panel) as tray:
            eventually(lambda: panel.tree()[0]["text"] == "All photos are done", "the first status")
            tray.ledger.note("troubles", {"disk": {"text": "no space left", "since": 1}})
            eventually(lambda: panel.tree()[0]["text"] == "Needs attention", "the alert", 2)
            panel.click("Upscale", "2 x")
            eventually(lambda: tray.settings.restoration.upscale == 2, "the click", 1)
            assert tray.end() == 0
    finally:
        panel.close()


@pytest.mark.parametrize("without", [("DISPLAY",), ("DBUS_SESSION_BUS_ADDRESS",)])
def test_without_a_display_or_a_bus_the_tray_exits_with_one_clear_line(desktop, tmp_path, without):
    environment = {name: value for name, value in desktop.items() if name not in without}
    tray = TrayProcess(tmp_path / "home", environment)
    tray.start()
    assert tray.process.wait(15) == NO_TRAY
    assert tray.said().splitlines() == [
        "facewatch: no tray on this desktop: there is no display or no session bus; use `facewatch status`"
    ]
    tray.ledger.close()


def test_without_a_desktop_the_daemon_works_and_logs_one_line(tmp_path, portrait, measured):
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "none")}
    process = DaemonProcess(tmp_path, bare)
    process.start()
    try:
        process.wait_for(lambda: "no tray on this desktop" in process.console(), "the line", 140)
        (process.inbox / "a.jpg").write_bytes(portrait)
        process.wait_for(lambda: process.outputs() == ["a.jpg"], "the copy")
        assert process.console().count("facewatch.daemon.tray_supervisor") == 1
    finally:
        assert process.stop() == 0
    measured("without display, bus or notifier: one line, and the daemon keeps working")
