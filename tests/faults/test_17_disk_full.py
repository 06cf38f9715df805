"""Disk full: first the copies' disk, then the ledger's.

The output folder, and then the state folder, is a tmpfs of 1 MB that runs full while photos are restored;
later it is made larger.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facewatch.state.ledger import LedgerView
from facewatch.system.disk_space import SPARE_SHARE
from tests.daemon_process import DaemonProcess
from tests.faults.photos import is_complete, landscape, portrait
from tests.faults.requirements import require, require_root

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(600)]

PHOTOS = 24
RESUME_SECONDS = 60.0
SECOND_LOOK_SECONDS = 6.0  # the first is due after 5


@pytest.fixture
def small(daemon: DaemonProcess) -> Iterator[Callable[[Path], None]]:
    """Puts a disk of 1 MB in a folder's place; called again for the same folder it makes it larger."""
    require("mount", "umount")
    require_root()
    mounted: list[Path] = []

    def mount(folder: Path) -> None:
        options = "remount,size=64m" if folder in mounted else "size=1m,mode=700"
        folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "facewatch-test", folder], check=True)
        mounted.append(folder)

    yield mount
    daemon.stop(9)
    for folder in set(mounted):
        subprocess.run(["umount", "-l", folder], check=True)


def drop(daemon: DaemonProcess) -> dict[str, bytes]:
    """Photos of some 70 kB; the engine writes the copies of some, the daemon those of the others."""
    daemon.write_settings(output={"format": "png"}, watching={"settle_seconds": 0.3})
    photos = {
        f"{number:02}.jpg": portrait(number) if number % 4 == 0 else landscape(number, 360)
        for number in range(PHOTOS)
    }
    for name, data in photos.items():
        (daemon.inbox / name).write_bytes(data)
    return photos


def right(daemon: DaemonProcess, photos: dict[str, bytes]) -> int:
    """How many copies there are, each of them whole and the only one of its photo."""
    names = daemon.outputs()
    assert not [name for name in names if name.startswith(".")]
    assert len({Path(name).stem for name in names}) == len(names)
    for name in names:
        copy = daemon.output / name
        assert is_complete(copy)
        assert name.endswith(".png") or copy.read_bytes() == photos[name]
    return len(names)


def ended(daemon: DaemonProcess) -> bool:
    counts = daemon.counts()
    return counts["done"] + counts["no_faces"] == PHOTOS


def seconds_to_resume(daemon: DaemonProcess) -> float:
    """From now until the next copy is there; returns when all have come to an end."""
    before, began = len(daemon.outputs()), time.monotonic()
    daemon.wait_for(lambda: len(daemon.outputs()) > before, "the work to go on", 2 * RESUME_SECONDS)
    seconds = time.monotonic() - began
    daemon.wait_for(lambda: ended(daemon), "all to come to an end", 240)
    return seconds


def attempts(daemon: DaemonProcess) -> set[int]:
    return {job.attempts for job in LedgerView(daemon.places.ledger).recent(10 * PHOTOS)}


def test_a_full_output_disk_stops_the_work_and_harms_nothing(daemon, small, measured):
    small(daemon.output)
    photos = drop(daemon)
    daemon.start()
    daemon.wait_for(lambda: daemon.console().count("[give back]") >= 2, "the disk to be found full, twice")
    view = LedgerView(daemon.places.ledger)
    assert "free some space" in view.fact("troubles")["disk"]["text"]
    daemon.wait_for(lambda: view.interrupted() == [], "what was under way to be put back")
    there = right(daemon, photos)
    waiting = [job for name in photos if (job := view.photo(daemon.inbox / name)).state == "queued"]
    disk = os.statvfs(daemon.output)
    left = disk.f_bavail / disk.f_blocks
    assert there + len(waiting) == PHOTOS
    assert 3 < there < PHOTOS
    assert {job.attempts for job in waiting} == {0}
    assert left >= SPARE_SHARE

    small(daemon.output)
    seconds = seconds_to_resume(daemon)
    assert right(daemon, photos) == PHOTOS
    assert attempts(daemon) == {1}
    assert seconds <= RESUME_SECONDS
    assert "disk" not in view.fact("troubles")
    measured(
        f"output: {there} whole copies, then a pause with {left:.1%} of the disk free, no partial file, no "
        f"attempt counted for the {len(waiting)} that waited; resumed {seconds:.0f} s after there was room"
    )


def test_a_full_disk_of_the_ledger_stops_the_work_and_loses_nothing(daemon, small, measured):
    small(daemon.places.state)
    photos = drop(daemon)
    daemon.start()
    daemon.wait_for(lambda: len(daemon.outputs()) >= 3, "some copies")
    ballast = daemon.places.state / "ballast"
    fill(ballast)
    daemon.wait_for(lambda: "no space left for the ledger" in daemon.console(), "the disk to be found full")
    time.sleep(SECOND_LOOK_SECONDS)
    there = right(daemon, photos)
    assert daemon.process.poll() is None
    assert there < PHOTOS

    ballast.unlink()
    small(daemon.places.state)
    seconds = seconds_to_resume(daemon)
    assert right(daemon, photos) == PHOTOS
    assert attempts(daemon) == {1}
    assert seconds <= RESUME_SECONDS
    assert daemon.stop() == 0
    measured(f"ledger: {there} copies, then a pause; resumed {seconds:.0f} s after there was room, each once")


def fill(file: Path) -> None:
    """Take all the room of a disk."""
    with file.open("wb", buffering=0) as ballast:
        for step in (65536, 4096, 1):
            try:
                while ballast.write(bytes(step)) == step:
                    pass
            except OSError:
                continue
