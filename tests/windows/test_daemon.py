"""The daemon as a user of Windows runs it: a real process, real files, the built-in model."""

from __future__ import annotations

import os
import sys

import psutil
import pytest

from facewatch.system.opened import sha256_of
from tests.daemon_process import KILL, DaemonProcess
from tests.portrait import portrait_bytes
from tests.windows.test_files import held_open, on_wine

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "win32", reason="Windows' own processes and files"),
]


@pytest.fixture
def daemon(tmp_path):
    process = DaemonProcess(tmp_path)
    yield process
    process.stop(KILL)


def test_once_restores_photos_of_every_kind_and_leaves_the_originals_alone(daemon):
    portrait, far = portrait_bytes(), "/".join(["a long name of a folder, as scanners write it"] * 6)
    names = ["a.jpg", "read-only.jpg", "Sömmer 写真 🙂.JPG", "held.jpg"]
    if not on_wine():  # its GetFinalPathNameByHandle refuses paths of more than 260 characters
        names.append(f"{far}/b.jpg")
    for number, name in enumerate(names):
        photo = daemon.inbox / name
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.write_bytes(portrait + bytes([number]))
    (daemon.inbox / "read-only.jpg").chmod(0o444)
    before = {name: sha256_of(daemon.inbox / name) for name in names}
    with held_open(daemon.inbox / "held.jpg"):
        run = daemon.command("run", "--no-tray", "--once", timeout=200)
    assert run.returncode == 1, run.stderr
    assert daemon.outputs() == sorted(set(names) - {"held.jpg"})
    assert not os.access(daemon.output / "read-only.jpg", os.W_OK)
    assert daemon.state("held.jpg") == "retry"
    assert {name: sha256_of(daemon.inbox / name) for name in names} == before
    (daemon.inbox / "read-only.jpg").chmod(0o666)


def test_a_killed_daemon_goes_on_and_a_request_ends_it(daemon):
    portrait = portrait_bytes()
    (daemon.inbox / "a.jpg").write_bytes(portrait)
    daemon.start()
    daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the copy")
    children = psutil.Process(daemon.process.pid).children(recursive=True)
    daemon.stop(KILL)
    assert not psutil.wait_procs(children, timeout=30)[1]
    (daemon.inbox / "b.jpg").write_bytes(portrait + b"b")
    daemon.start()
    (daemon.inbox / "in").mkdir()
    (daemon.inbox / "in" / "c.jpg.part").write_bytes(portrait + b"c")
    (daemon.inbox / "in" / "c.jpg.part").rename(daemon.inbox / "in" / "c.jpg")
    daemon.wait_for(lambda: daemon.outputs() == ["a.jpg", "b.jpg", "in/c.jpg"], "the other copies")
    second = daemon.command("run", "--no-tray")
    assert (second.returncode, "already running" in second.stderr) == (4, True)
    assert daemon.stop() == 0
    assert not daemon.places.pid.exists()
    assert daemon.outputs() == ["a.jpg", "b.jpg", "in/c.jpg"]
