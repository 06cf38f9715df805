"""A large backlog.

100,000 files are in the inbox when the daemon starts; then it scans them all repeatedly. In a second test the
folder of three photos is moved away and back without an event, and is then watched as another folder.
"""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from facewatch.state.ledger import LedgerView
from facewatch.watcher import WatchedFolder
from facewatch.watcher.scan import walk_names
from tests.faults.daemons import NO_EVENTS, WrappedDaemon, job_of, seconds_until
from tests.faults.patches import PatchedDaemon
from tests.faults.photos import landscape

FOLDERS, EACH = 100, 1000
FILES = FOLDERS * EACH
FIRST_SECONDS = 5
MOST_BYTES = 250e6
IDLE_SECONDS = 10
RESCAN_SECONDS = 3

pytestmark = pytest.mark.timeout(900)
RECORD_SCANS = """
    import sys
    if "run" in sys.orig_argv:
        from facewatch.watcher import Watcher
        def recorded(self, scan=Watcher._scan_all):
            scan(self)
            with open({file!r}, "a") as file:
                file.write("x")
        Watcher._scan_all = recorded
"""


@pytest.fixture
def scans(tmp_path):
    """Return a file that grows by one byte with each scan."""
    file = tmp_path / "scans"
    file.touch()
    return file


@pytest.fixture
def daemon(tmp_path, scans):
    process = PatchedDaemon(tmp_path, RECORD_SCANS.format(file=str(scans)))
    yield process
    process.stop(signal.SIGKILL)


def test_a_backlog_starts_soon_and_costs_little_memory_and_time(daemon, scans, measured):
    for folder in range(FOLDERS):
        one = daemon.inbox / f"{folder:02}" / "0000.jpg"
        one.parent.mkdir()
        one.write_bytes(landscape(folder))
        for number in range(1, EACH):  # hard links need no disk space
            os.link(one, one.with_name(f"{number:04}.jpg"))
    began = time.monotonic()
    daemon.start()
    first = seconds_until(daemon, lambda: has_started(daemon), "the first photo", 90)
    daemon.write_settings(paused=True)
    daemon.wait_for(lambda: sum(daemon.counts().values()) == FILES, "all files in the ledger", 300)
    queued = time.monotonic() - began
    process = psutil.Process(daemon.process.pid)
    daemon.wait_for(lambda: waiting_count(daemon) == 0, "all files to be queued")
    idle = cpu_seconds(process, lambda: time.sleep(IDLE_SECONDS)) / IDLE_SECONDS
    daemon.write_settings(watching={**daemon.settings["watching"], "rescan_seconds": RESCAN_SECONDS})
    # The first scan with new settings looks up every file in the ledger.
    wait_for_scan(daemon, scans)
    daemon.wait_for(lambda: waiting_count(daemon) == 0, "all files to be checked again", 300)
    wait_for_scan(daemon, scans)
    rescan = min(cpu_seconds(process, lambda: wait_for_scan(daemon, scans)) for _ in range(2))
    began = time.process_time()
    found = walk_names(WatchedFolder(daemon.inbox), daemon.inbox, lambda _: None).offered
    walked = time.process_time() - began
    memory = process.memory_info().rss
    assert daemon.stop() == 0
    measured(
        f"{FILES} files: the first photo started after {first:.1f} s, all queued after {queued:.0f} s, "
        f"{memory / 1e6:.0f} MB, {rescan:.2f} s of processor time for a rescan without changes "
        f"(reading the folders: {walked:.2f} s), {idle:.2%} of a core while idle"
    )
    assert found == FILES
    assert memory < MOST_BYTES
    assert idle < 0.02
    # About six times the reading of the folders; processor time grows where others share the caches.
    assert rescan < max(2, 12 * walked)
    assert first < FIRST_SECONDS


def has_started(daemon) -> bool:
    """True if any photo was started."""
    counts = daemon.counts()
    return sum(counts.values()) > counts["queued"]


def waiting_count(daemon) -> int:
    """Return the number of files that the daemon has found but not yet queued; -1 if unknown."""
    return (LedgerView(daemon.places.ledger).fact("watching") or {}).get("waiting", -1)


def wait_for_scan(daemon, scans) -> None:
    """Wait for the end of the next scan."""
    before = scans.stat().st_size
    daemon.wait_for(lambda: scans.stat().st_size > before, "a scan", 120)


def cpu_seconds(process, wait) -> float:
    """Return the processor time that a process uses until `wait` returns."""
    before = process.cpu_times()
    wait()
    after = process.cpu_times()
    return after.user + after.system - before.user - before.system


@pytest.fixture
def eventless(tmp_path):
    process = WrappedDaemon(tmp_path / "home")
    process.program = ("-c", NO_EVENTS)
    process.write_settings(paused=True, watching={"settle_seconds": 0.5, "rescan_seconds": 1})
    yield process
    process.stop(signal.SIGKILL)


def test_the_memory_of_queued_files_loses_no_photo(eventless, tmp_path, measured):
    folder, away = eventless.inbox / "x", tmp_path / "away"
    folder.mkdir()
    names = [f"{number}.jpg" for number in range(3)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(landscape(number))
    eventless.start()
    eventless.wait_for(lambda: eventless.counts()["queued"] == len(names), "all to be queued")
    time.sleep(3)  # two scans find them again
    folder.rename(away)
    eventless.write_settings(paused=False)
    eventless.wait_for(lambda: eventless.counts()["gone"] == len(names), "all to be gone")
    eventless.write_settings(paused=True)
    time.sleep(1.5)
    away.rename(folder)  # with unchanged sizes and times
    eventless.wait_for(lambda: eventless.counts()["queued"] == len(names), "all to be queued again", 60)
    eventless.write_settings(folders=[{"input": str(folder), "output": str(eventless.output)}])
    eventless.wait_for(lambda: roots(eventless, folder) == {folder}, "their watched folder to change", 60)
    eventless.write_settings(paused=False)
    eventless.wait_for(lambda: eventless.outputs() == names, "all copies")
    measured(
        f"{len(names)} photos moved away and back without an event, then in another watched folder: all "
        "restored"
    )


def roots(daemon, folder):
    """Return the watched folders of the photos in a folder, as the ledger records them."""
    return {job_of(daemon, photo).folder for photo in folder.iterdir()}
