"""The daemon's requests, settings and start."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import tomlkit

from facewatch.daemon.daemon import Daemon
from facewatch.daemon.run import run
from facewatch.engine.lifecycle import PROCESS
from facewatch.errors import DiskFull
from facewatch.settings.installation import open_store
from facewatch.state.ledger import DamagedLedger, Ledger
from facewatch.state.requests import Request, put
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.paths import Places


@pytest.fixture
def places(tmp_path):
    """An installation that watches `in`, with another photo beside that folder."""
    (tmp_path / "in" / "1974").mkdir(parents=True)
    for photo in ("in/a.jpg", "in/1974/b.jpg", "other.jpg", "in/notes.txt"):
        (tmp_path / photo).write_bytes(b"photo")
    places = Places.under(tmp_path)
    folder = {"input": str(tmp_path / "in"), "output": str(tmp_path / "out")}
    places.config.write_text(tomlkit.dumps({"model": "builtin", "folders": [folder]}), "utf-8")
    places.state.mkdir()
    return places


@pytest.fixture
def daemon(places):
    store = open_store(places)
    store.load()
    with closing(Ledger.open(places.ledger)) as ledger:
        yield Daemon(places, store, ledger)


@pytest.fixture
def paused(places):
    """Pause the daemon from its start, so that no engine is needed."""
    text = places.config.read_text("utf-8")
    places.config.write_text(f"paused = true\n{text}", "utf-8")


def queued(daemon: Daemon, home: Path) -> list[str]:
    job = daemon._ledger.next([home / "in"])
    return [] if job is None else [str(job.path.relative_to(home))]


@pytest.fixture
def full_disk(monkeypatch):
    """Fill the disk of the state folder, and count the attempts to start."""
    attempts = []

    def refuse(_):
        attempts.append(1)
        raise DiskFull("no space left: free some space")

    monkeypatch.setattr("facewatch.daemon.run.single_instance", refuse)
    monkeypatch.setattr("facewatch.daemon.run.FULL_DISK_SECONDS", 0.05)
    return attempts


def test_a_signal_during_the_start_ends_the_daemon_cleanly(places, monkeypatch):
    def interrupted(places):
        os.kill(os.getpid(), signal.SIGTERM)
        return open_store(places)

    monkeypatch.setattr("facewatch.daemon.run.open_store", interrupted)
    assert run(places) == 0
    assert not places.pid.exists()


def follow(daemon):
    """Let the daemon see a change of its config, and see a second later that it is whole."""
    daemon._settings()
    time.sleep(1.1)
    daemon._settings()


def test_a_photo_that_is_left_out_has_no_watched_folder(places, daemon, tmp_path):
    assert daemon._root_of(tmp_path / "in" / "1974" / "b.jpg") == tmp_path / "in"
    places.config.write_text(places.config.read_text("utf-8") + 'exclude = ["1974/"]\n', "utf-8")
    follow(daemon)
    assert daemon._root_of(tmp_path / "in" / "1974" / "b.jpg") is None
    assert daemon._root_of(tmp_path / "in" / "a.jpg") == tmp_path / "in"
    daemon._watcher.stop()


def test_a_change_of_the_settings_reaches_photos_that_are_still_settling(places, daemon, tmp_path):
    inner = tmp_path / "in" / "1974"
    for photo in ("a.jpg", "1974/b.jpg"):
        daemon._inbox.put(tmp_path / "in", tmp_path / "in" / photo)
    nested = {"input": str(inner), "output": str(tmp_path / "out 1974")}
    text = places.config.read_text("utf-8") + 'exclude = ["a.jpg"]\n'
    places.config.write_text(text + tomlkit.dumps({"folders": [nested]}), "utf-8")
    follow(daemon)
    daemon._watcher.stop()
    assert daemon._inbox._roots == {str(inner / "b.jpg"): inner}


def test_a_full_disk_is_waited_for_and_a_signal_ends_the_wait(places, full_disk, caplog):
    threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGTERM]).start()
    assert run(places) == 0
    assert len(full_disk) > 2
    assert "no space left: free some space; facewatch starts as soon as there is space" in caplog.text


def test_a_run_with_once_does_not_wait_for_disk_space(places, full_disk):
    with pytest.raises(DiskFull):
        run(places, once=True)
    assert full_disk == [1]


def test_a_request_is_handled_as_soon_as_the_ledger_takes_it(places, daemon, monkeypatch):
    for request in (Request("retry_failed"), Request("quit", pid=os.getpid())):
        put(places, request)
    daemon._watcher.start()

    def full():
        raise DiskFull("no space left for the ledger")

    with monkeypatch.context() as patch:
        patch.setattr(daemon._ledger, "requeue_failed", full)
        daemon._tick()
    assert daemon._stop.is_set()
    assert len(list(places.requests.iterdir())) == 1
    assert "requests" in daemon._ledger.fact("troubles")
    daemon._tick()
    assert list(places.requests.iterdir()) == []
    assert daemon._ledger.fact("troubles") == {}
    daemon._watcher.stop()


@pytest.mark.parametrize(("named", "tried"), [(None, ["a", "b"]), ("b", ["b"]), ("c", ["c"])])
def test_all_downloads_that_wait_are_tried_now_or_the_one_that_is_named(daemon, monkeypatch, named, tried):
    states = {"a": "waiting", "b": "waiting", "c": "cancelled", "d": "held", "e": "downloading"}
    found = []
    monkeypatch.setattr(
        daemon._downloader, "states", lambda: {name: {"state": it} for name, it in states.items()}
    )
    monkeypatch.setattr(daemon._downloader, "try_now", found.append)
    daemon._handle(Request("download_now", model=named))
    assert found == tried


@pytest.mark.parametrize("path", ["in/1974/b.jpg", "in/../in/1974/b.jpg", "in/1974/../1974/b.jpg"])
def test_a_redo_is_queued_under_the_path_below_its_watched_folder(daemon, tmp_path, path):
    daemon._handle(Request("redo", tmp_path / path))
    assert queued(daemon, tmp_path) == ["in/1974/b.jpg"]


@pytest.mark.parametrize(
    "path", ["other.jpg", "in/../other.jpg", "in/1974/../../other.jpg", "in/c.jpg", "in", "in/notes.txt"]
)
def test_a_redo_of_a_file_outside_the_folder_raises_an_alert(daemon, tmp_path, path):
    daemon._handle(Request("redo", tmp_path / path))
    assert queued(daemon, tmp_path) == []
    assert str(tmp_path) in daemon._ledger.fact("troubles")["redo"]["text"]


def test_once_handles_requests_from_before_its_start(paused, daemon, places, tmp_path):
    daemon._inbox.settle_seconds = 0.0
    failed = tmp_path / "in" / "a.jpg"
    daemon._ledger.queue(failed, tmp_path / "in", Fingerprint.of(failed.stat()))
    daemon._ledger.park(daemon._ledger.start(daemon._ledger.next([tmp_path / "in"])), "no photo", "BadPhoto")
    put(places, Request("redo", tmp_path / "in" / "1974" / "b.jpg", weight=1.0))
    put(places, Request("retry_failed"))
    daemon.run_once()
    assert queued(daemon, tmp_path) == ["in/1974/b.jpg"]
    assert daemon._ledger.photo(failed).state == "queued"
    assert list(places.requests.iterdir()) == []


def test_once_names_the_kinds_of_files_that_it_does_not_take(paused, daemon, tmp_path, caplog):
    for name in ("a.gif", "b.gif", "c.cr2"):
        (tmp_path / "in" / name).write_bytes(b"GIF89a")
    with caplog.at_level("INFO"):
        daemon.run_once()
    assert "4 files of kinds facewatch does not take: 2 .gif, 1 .cr2, 1 .txt" in caplog.text


def test_photos_of_a_deleted_folder_are_taken_again_when_it_is_back(daemon, tmp_path):
    photo = tmp_path / "in" / "1974" / "b.jpg"
    daemon._inbox.settle_seconds = 0.0

    def handed_over():
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with daemon._inbox.handing_over() as settled:
                if settled:
                    daemon._ledger.queue_many(settled)
                    return [file.path for _, file in settled]
        return []

    daemon._inbox.put(tmp_path / "in", photo, news=False)
    assert handed_over() == [photo]
    daemon._inbox.put(tmp_path / "in", photo, news=False)
    assert len(daemon._inbox) == 0  # it is known
    daemon._gone(photo.parent)
    assert daemon._ledger.photo(photo).state == "gone"
    daemon._inbox.put(tmp_path / "in", photo, news=False)
    assert len(daemon._inbox) == 1


def test_an_engine_of_an_earlier_run_that_does_not_end_is_logged_and_stays_on_record(
    daemon, paused, monkeypatch, caplog
):
    daemon._ledger.note(PROCESS, {"pid": 4711})
    monkeypatch.setattr("facewatch.daemon.daemon.kill_and_wait", lambda left, seconds: False)
    daemon.run_once()
    assert "engine 4711 of an earlier run was killed and does not end" in caplog.text
    assert daemon._ledger.fact(PROCESS) == {"pid": 4711}


@pytest.mark.skipif(os.name != "posix", reason="Windows lets no one delete an open file")
@pytest.mark.parametrize("part", ["ledger.sqlite3", "ledger.sqlite3-wal"])
def test_a_ledger_deleted_under_the_daemon_is_opened_again(daemon, places, part):
    try:
        daemon._tick()
        (places.state / part).unlink()
        with pytest.raises(DamagedLedger, match="deleted or replaced"):
            daemon._tick()
    finally:
        daemon._watcher.stop()
