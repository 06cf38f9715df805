"""The daemon as a user runs it: a real process, real files, the built-in model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta

import psutil
import pytest
from PIL import Image

from facewatch.system.bus import LOGIND
from facewatch.system.idle import MUTTER
from facewatch.system.opened import sha256_of
from tests.bus import private_bus, served
from tests.daemon_process import KILL, DaemonProcess
from tests.logind import Logind
from tests.portrait import portrait_bytes

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def portrait():
    return portrait_bytes()


@pytest.fixture
def daemon(tmp_path):
    process = DaemonProcess(tmp_path)
    yield process
    process.stop(KILL)


def photo_of(number, size=96):
    """Return a small photo without faces; each number has different bytes."""
    from io import BytesIO

    data = BytesIO()
    Image.effect_noise((size, size), 30 + number).convert("RGB").save(
        data, "JPEG", quality=60, comment=str(number)
    )
    return data.getvalue()


def test_every_way_of_dropping_a_photo_gives_one_copy(daemon, portrait, tmp_path):
    (daemon.inbox / "there before.jpg").write_bytes(portrait)
    daemon.start()
    (daemon.inbox / "copied.jpg").write_bytes(portrait + b"1")
    (tmp_path / "elsewhere.jpg").write_bytes(photo_of(1))
    (tmp_path / "elsewhere.jpg").rename(daemon.inbox / "renamed.jpg")
    (daemon.inbox / "arriving.jpg.part").write_bytes(photo_of(2))
    (daemon.inbox / "arriving.jpg.part").rename(daemon.inbox / "arriving.jpg")
    (daemon.inbox / "1974" / "Sömmer, über").mkdir(parents=True)
    (daemon.inbox / "1974" / "Sömmer, über" / "日本 の 写真.jpg").write_bytes(photo_of(3))
    slow = photo_of(4, 400)
    with (daemon.inbox / "slow.jpg").open("wb") as file:
        for start in range(0, len(slow), len(slow) // 6 + 1):
            file.write(slow[start : start + len(slow) // 6 + 1])
            file.flush()
            time.sleep(0.3)
    expected = [
        "1974/Sömmer, über/日本 の 写真.jpg",
        "arriving.jpg",
        "copied.jpg",
        "renamed.jpg",
        "slow.jpg",
        "there before.jpg",
    ]
    daemon.wait_for(lambda: daemon.outputs() == expected, "six copies")
    daemon.wait_for(lambda: daemon.counts()["done"] + daemon.counts()["no_faces"] == 6, "six finished photos")
    assert daemon.counts()["done"] == 2
    assert (daemon.output / "slow.jpg").read_bytes() == slow
    assert daemon.stop() == 0
    assert daemon.outputs() == expected


def test_fifty_photos_give_one_copy_each_although_daemon_and_engine_are_killed(daemon, portrait):
    originals = {}
    for number in range(50):
        path = daemon.inbox / f"{number:02}.jpg"
        path.write_bytes(portrait + bytes([number]) if number % 10 == 0 else photo_of(number))
        originals[path] = sha256_of(path)
    daemon.start()
    for kill in range(3):
        done = kill * 6
        daemon.wait_for(lambda done=done: len(daemon.outputs()) > done, "some copies")
        if kill == 1:
            engine = json.loads(daemon.command("status", "--json").stdout)["engine"]
            if engine and "pid" in engine and psutil.pid_exists(engine["pid"]):
                psutil.Process(engine["pid"]).kill()
        else:
            daemon.stop(KILL)
            daemon.start()
    daemon.wait_for(
        lambda: daemon.counts()["done"] + daemon.counts()["no_faces"] == 50, "fifty finished photos", 200
    )
    assert daemon.stop() == 0
    assert daemon.outputs() == [f"{number:02}.jpg" for number in range(50)]
    assert {path: sha256_of(path) for path in originals} == originals
    assert not list(daemon.output.rglob(".facewatch-*"))
    for path in daemon.output.iterdir():
        with Image.open(path) as image:
            image.load()


def test_bad_files_are_reported_with_a_reason_and_the_others_are_restored(daemon, portrait):
    (daemon.inbox / "empty.jpg").write_bytes(b"")
    (daemon.inbox / "words.jpg").write_bytes(b"these are words, not a photo" * 40)
    (daemon.inbox / "half.jpg").write_bytes(portrait[: len(portrait) // 2])
    (daemon.inbox / "folder.jpg").mkdir()
    (daemon.inbox / "good.jpg").write_bytes(portrait)
    (daemon.inbox / "notes.txt").write_bytes(b"not a photo by its name")
    daemon.write_settings(engine={"max_megapixels": 100})
    bomb = Image.new("1", (20000, 10000))
    bomb.save(daemon.inbox / "bomb.png")
    daemon.start()
    daemon.wait_for(lambda: daemon.outputs() == ["good.jpg"], "the good photo")
    for name, state in [
        ("empty.jpg", "retry"),
        ("words.jpg", "parked"),
        ("half.jpg", "retry"),
        ("bomb.png", "parked"),
    ]:
        daemon.wait_for(lambda name=name, state=state: daemon.state(name) == state, f"{name} to be {state}")
    failed = {
        photo["path"]: photo["reason"]
        for photo in json.loads(daemon.command("status", "--json").stdout)["failed"]
    }
    assert "200" in failed[str(daemon.inbox / "bomb.png")]
    printed = daemon.command("status").stdout
    assert "words.jpg" in printed
    assert daemon.state("folder.jpg") is None
    assert daemon.state("notes.txt") is None
    assert daemon.stop() == 0


def test_a_running_daemon_follows_its_config_and_survives_a_broken_one(daemon, portrait):
    daemon.start()
    assert daemon.command("pause").returncode == 0
    (daemon.inbox / "a.jpg").write_bytes(portrait)
    daemon.wait_for(lambda: daemon.state("a.jpg") == "queued", "the photo to be queued")
    assert json.loads(daemon.command("status", "--json").stdout)["mood"] == "paused"
    good = daemon.places.config.read_text("utf-8")
    daemon.places.config.write_text("model = ", "utf-8")
    daemon.wait_for(
        lambda: "still using the previous settings" in daemon.console(), "the broken config to be reported"
    )
    daemon.places.config.write_text(good, "utf-8")
    assert daemon.command("resume").returncode == 0
    daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the copy")
    assert daemon.command("set", "suffix", "-restored").returncode == 0
    soon = datetime.now().astimezone() + timedelta(hours=2)
    hours = f"{soon:%H:%M}-{soon + timedelta(hours=1):%H:%M}"
    assert daemon.command("set", "engine.when", hours).returncode == 0
    (daemon.inbox / "b.jpg").write_bytes(photo_of(1))
    daemon.wait_for(lambda: daemon.state("b.jpg") == "queued", "the photo to wait")
    assert daemon.command("status").stdout.startswith(f"waiting until {soon:%H:%M}, ")
    assert daemon.command("resume").returncode == 0
    daemon.wait_for(lambda: "b-restored.jpg" in daemon.outputs(), "the new suffix")
    assert daemon.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="a stand-in for GNOME on a private bus")
def test_photos_wait_until_nobody_uses_the_computer(tmp_path, portrait, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    answers = {"GetIdletime": ("t", (0,))}
    with private_bus(monkeypatch) as bus, served(bus, MUTTER.name, answers):
        daemon = DaemonProcess(tmp_path, engine={"when": "idle 1"})
        try:
            (daemon.inbox / "a.jpg").write_bytes(portrait)
            daemon.start()
            daemon.wait_for(lambda: daemon.state("a.jpg") == "queued", "the photo to wait")
            shown = daemon.command("status").stdout
            assert shown.startswith("waiting until the computer is unused for a minute, ")
            answers["GetIdletime"] = ("t", (60_000,))
            daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the copy")
            assert daemon.stop() == 0
        finally:
            daemon.stop(KILL)


@pytest.mark.skipif(sys.platform != "linux", reason="a stand-in for logind on a private bus")
def test_sleep_waits_for_a_commit_and_for_the_photos_if_the_user_asks(tmp_path, portrait, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    logind = Logind()
    with private_bus(monkeypatch) as bus, served(bus, LOGIND.name, {"Inhibit": logind.inhibit}):
        daemon = DaemonProcess(tmp_path, engine={"keep_awake": True})
        try:
            (daemon.inbox / "a.jpg").write_bytes(portrait)
            daemon.start()
            daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the copy")
            daemon.wait_for(lambda: len(logind.calls) == 2, "both locks")
            assert [(call[0], call[3]) for call in logind.calls] == [
                ("idle:sleep", "block"),
                ("sleep", "delay"),
            ]
            assert logind.is_released()  # the commit's, the last
            assert daemon.stop() == 0
            assert logind.is_released(number=0)
        finally:
            daemon.stop(KILL)
            logind.close()


def test_once_processes_the_photos_that_are_there_and_exits(daemon, portrait):
    (daemon.inbox / "a.jpg").write_bytes(portrait)
    (daemon.inbox / "words.jpg").write_bytes(b"these are words, not a photo" * 40)
    assert daemon.command("run", "--no-tray", "--once").returncode == 1
    assert daemon.outputs() == ["a.jpg"]
    (daemon.inbox / "words.jpg").unlink()
    shutil.rmtree(daemon.places.state)
    assert daemon.command("run", "--no-tray", "--once").returncode == 0


def test_no_process_is_left_after_the_daemon_ends(daemon, portrait):
    daemon.start()
    (daemon.inbox / "a.jpg").write_bytes(portrait)
    daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the copy")
    children = psutil.Process(daemon.process.pid).children(recursive=True)
    assert children
    started = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - started < 5
    assert not psutil.wait_procs(children, timeout=3)[1]


def test_an_engine_ends_when_its_daemon_is_killed(daemon, portrait):
    daemon.start()
    (daemon.inbox / "a.jpg").write_bytes(portrait)
    daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the copy")
    children = psutil.Process(daemon.process.pid).children(recursive=True)
    daemon.stop(KILL)
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_a_photo_can_be_redone_with_another_weight_and_the_first_copy_stays(daemon, portrait):
    (daemon.inbox / "a.jpg").write_bytes(portrait)
    daemon.start()
    daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the copy")
    assert daemon.command("redo", str(daemon.inbox / "a.jpg"), "--weight", "1").returncode == 0
    daemon.wait_for(lambda: daemon.outputs() == ["a (builtin 1).jpg", "a.jpg"], "the second copy")
    assert (daemon.output / "a.jpg").read_bytes() != (daemon.output / "a (builtin 1).jpg").read_bytes()
    assert "a.jpg: builtin 1: 1 face unchanged" in daemon.command("status").stdout
    assert daemon.stop() == 0


def test_failed_photos_are_tried_again_on_request(daemon, portrait):
    (daemon.inbox / "words.jpg").write_bytes(b"these are words, not a photo" * 40)
    daemon.start()
    daemon.wait_for(lambda: daemon.state("words.jpg") == "parked", "the failure")
    before = daemon.console().count("words.jpg")
    assert daemon.command("retry").returncode == 0
    daemon.wait_for(lambda: daemon.console().count("words.jpg") > before, "another try")
    assert daemon.stop() == 0


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="dropping root's rights needs root")
def test_folders_without_permission_are_reported_without_a_crash(daemon, tmp_path):
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked").chmod(0)
    daemon.write_settings(
        folders=[{"input": str(tmp_path / "in"), "output": str(tmp_path / "locked" / "a" / "out")}]
    )
    (daemon.inbox / "a.jpg").write_bytes(photo_of(1))
    unprivileged = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    for command in (
        ["run", "--no-tray", "--once"],
        ["doctor", "--quick"],
        ["restore", str(tmp_path / "locked" / "x.jpg")],
    ):
        run = subprocess.run(
            [*unprivileged, sys.executable, "-m", "facewatch", *command],
            capture_output=True,
            encoding="utf-8",
            env=daemon.environment,
            check=False,
        )
        assert "Traceback" not in run.stderr
        assert "locked" in run.stderr + run.stdout
        assert run.returncode in {1, 2}
