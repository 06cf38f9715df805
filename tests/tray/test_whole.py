"""The daemon, its tray and a photo together: what is clicked is what the next photo gets."""

from __future__ import annotations

import signal
import time
from importlib import resources

import psutil
import pytest

from facewatch.ledger import LedgerView
from tests.daemon_process import DaemonProcess
from tests.tray.desktop import eventually

pytestmark = [pytest.mark.needs_display, pytest.mark.timeout(180)]


@pytest.fixture
def portrait():
    return resources.files("facewatch.data").joinpath("eileen-collins.jpg").read_bytes()


@pytest.fixture
def daemon(desktop, panel, tmp_path):
    """A daemon that starts its tray by itself."""
    process = DaemonProcess(tmp_path, {**desktop, "XDG_CONFIG_HOME": str(tmp_path / "xdg")})
    process.start()
    eventually(lambda: panel.ask("items") > 0, "the icon", 30)
    yield process
    process.stop(signal.SIGKILL)


def weight_used(daemon, name):
    photo = LedgerView(daemon.places.ledger).photo(daemon.inbox / name)
    return photo.report["weight"] if photo and photo.report else None


def test_the_next_photo_uses_what_was_clicked_and_quit_ends_everything(daemon, panel, portrait):
    (daemon.inbox / "a.jpg").write_bytes(portrait)
    daemon.wait_for(lambda: weight_used(daemon, "a.jpg") == 0.0, "the first photo")
    panel.click("Weight", "0.7")
    eventually(lambda: "0.7" in daemon.places.config.read_text("utf-8"), "the file", 2)
    (daemon.inbox / "b.jpg").write_bytes(portrait)
    daemon.wait_for(
        lambda: weight_used(daemon, "b.jpg") == 0.7, "the second photo with the weight that was clicked"
    )
    family = psutil.Process(daemon.process.pid).children(recursive=True)
    assert any("tray" in process.cmdline() for process in family)
    panel.click("Quit")
    began = time.monotonic()
    assert daemon.process.wait(10) == 0
    assert time.monotonic() - began < 5
    assert not psutil.wait_procs(family, timeout=3)[1]


def test_a_killed_tray_is_back_and_the_daemon_goes_on(daemon, panel, portrait):
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


def test_without_a_desktop_the_daemon_runs_on_and_says_so_once(tmp_path, portrait):
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "none")}
    process = DaemonProcess(tmp_path, bare)
    process.start()
    try:
        process.wait_for(lambda: "no tray on this desktop" in process.said(), "the line", 140)
        (process.inbox / "a.jpg").write_bytes(portrait)
        process.wait_for(lambda: process.outputs() == ["a.jpg"], "the copy")
        assert process.said().count("facewatch.keeper") == 1
    finally:
        assert process.stop() == 0
