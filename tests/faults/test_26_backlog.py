"""A large backlog.

100,000 files lie in the inbox when the daemon starts; then it looks through them all again and again. And
three photos whose folder is moved away and back unheard, and is then watched as another root.
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
SCANS_TOLD = """
    import sys
    if "run" in sys.orig_argv:
        from facewatch.watcher import Watcher
        def told(self, scan=Watcher._scan_all):
            scan(self)
            with open({file!r}, "a") as file:
                file.write("x")
        Watcher._scan_all = told
"""


@pytest.fixture
def scans(tmp_path):
    """Grows by a byte at each scan."""
    file = tmp_path / "scans"
    file.touch()
    return file


@pytest.fixture
def daemon(tmp_path, scans):
    process = PatchedDaemon(tmp_path, SCANS_TOLD.format(file=str(scans)))
    yield process
    process.stop(signal.SIGKILL)


def test_the_first_photo_starts_soon_and_little_is_needed_for_the_rest(daemon, scans, measured):
    for folder in range(FOLDERS):
        one = daemon.inbox / f"{folder:02}" / "0000.jpg"
        one.parent.mkdir()
        one.write_bytes(landscape(folder))
        for number in range(1, EACH):  # one file by many names costs no disk
            os.link(one, one.with_name(f"{number:04}.jpg"))
    began = time.monotonic()
    daemon.start()
    first = seconds_until(daemon, lambda: begun(daemon), "the first photo", 90)
    daemon.write_settings(paused=True)
    daemon.wait_for(lambda: sum(daemon.counts().values()) == FILES, "all files in the ledger", 300)
    queued = time.monotonic() - began
    process = psutil.Process(daemon.process.pid)
    daemon.wait_for(lambda: waiting(daemon) == 0, "all to be handed over")
    idle = seconds_worked(process, lambda: time.sleep(IDLE_SECONDS)) / IDLE_SECONDS
    daemon.write_settings(watching={**daemon.settings["watching"], "rescan_seconds": RESCAN_SECONDS})
    # The first scan with other settings asks the ledger about every file.
    next_scan(daemon, scans)
    daemon.wait_for(lambda: waiting(daemon) == 0, "all to be handed over again", 300)
    next_scan(daemon, scans)
    rescan = min(seconds_worked(process, lambda: next_scan(daemon, scans)) for _ in range(2))
    began = time.process_time()
    found = walk_names(WatchedFolder(daemon.inbox), daemon.inbox, lambda _: None).offered
    walked = time.process_time() - began
    memory = process.memory_info().rss
    assert daemon.stop() == 0
    measured(
        f"{FILES} files: the first photo started after {first:.1f} s, all queued after {queued:.0f} s, "
        f"{memory / 1e6:.0f} MB, {rescan:.2f} s of work for a rescan without news (the folders alone: "
        f"{walked:.2f} s), {idle:.2%} of a core while there is nothing to do"
    )
    assert found == FILES
    assert memory < MOST_BYTES
    assert idle < 0.02
    assert rescan < max(1, 6 * walked)  # on a slow disk the walk alone takes longer
    assert first < FIRST_SECONDS


def begun(daemon) -> bool:
    """Whether any photo is or was under way."""
    counts = daemon.counts()
    return sum(counts.values()) > counts["queued"]


def waiting(daemon) -> int:
    """How many files the daemon has seen and not yet handed to its ledger."""
    return (LedgerView(daemon.places.ledger).fact("watching") or {}).get("waiting", -1)


def next_scan(daemon, scans) -> None:
    """Wait for the end of the scan that follows."""
    before = scans.stat().st_size
    daemon.wait_for(lambda: scans.stat().st_size > before, "a scan", 120)


def seconds_worked(process, wait) -> float:
    """The processor time that a process takes until `wait` returns."""
    before = process.cpu_times()
    wait()
    after = process.cpu_times()
    return after.user + after.system - before.user - before.system


@pytest.fixture
def deaf(tmp_path):
    process = WrappedDaemon(tmp_path / "home")
    process.program = ("-c", NO_EVENTS)
    process.write_settings(paused=True, watching={"settle_seconds": 0.5, "rescan_seconds": 1})
    yield process
    process.stop(signal.SIGKILL)


def test_what_is_remembered_of_handed_over_files_costs_no_photo(deaf, tmp_path, measured):
    folder, away = deaf.inbox / "x", tmp_path / "away"
    folder.mkdir()
    names = [f"{number}.jpg" for number in range(3)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(landscape(number))
    deaf.start()
    deaf.wait_for(lambda: deaf.counts()["queued"] == len(names), "all to be queued")
    time.sleep(3)  # two scans find them again
    folder.rename(away)
    deaf.write_settings(paused=False)
    deaf.wait_for(lambda: deaf.counts()["gone"] == len(names), "all to be missed")
    deaf.write_settings(paused=True)
    time.sleep(1.5)
    away.rename(folder)  # the files look as they did
    deaf.wait_for(lambda: deaf.counts()["queued"] == len(names), "all to be queued again", 20)
    deaf.write_settings(folders=[{"input": str(folder), "output": str(deaf.output)}])
    deaf.wait_for(lambda: roots(deaf, folder) == {folder}, "their watched folder to be another", 20)
    deaf.write_settings(paused=False)
    deaf.wait_for(lambda: deaf.outputs() == names, "all copies")
    measured(f"{len(names)} photos moved away and back unheard, then in another watched folder: all out")


def roots(daemon, folder):
    """The watched folders that the photos in a folder belong to."""
    return {job_of(daemon, photo).folder for photo in folder.iterdir()}
