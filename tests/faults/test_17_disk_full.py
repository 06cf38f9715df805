"""Disk full: the output disk, and the ledger's.

The output folder, and in a second test the state folder, is a tmpfs of 1 MB that becomes full while photos
are restored; later it is enlarged. In a third test the output disk has space, but no number (inode) for one
more file.
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
WAITING = {"queued", "retry"}
RESUME_SECONDS = 60.0
SECOND_CHECK_SECONDS = 6.0  # the first is due after 5


@pytest.fixture
def mount_small_disk(daemon: DaemonProcess) -> Iterator[Callable[..., None]]:
    """Yield a function that mounts a disk of 1 MB on a folder, and enlarges it on a second call.

    Instead of the size it can limit another of tmpfs' options.
    """
    require("mount", "umount")
    require_root()
    mounted: list[Path] = []

    def mount(folder: Path, small: str = "size=1m", large: str = "size=64m") -> None:
        options = f"remount,{large}" if folder in mounted else f"{small},mode=700"
        folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "facewatch-test", folder], check=True)
        mounted.append(folder)

    yield mount
    daemon.stop(9)
    for folder in set(mounted):
        subprocess.run(["umount", "-l", folder], check=True)


def drop(daemon: DaemonProcess) -> dict[str, bytes]:
    """Drop photos of about 70 kB; return their bytes.

    The engine writes the copies of those with a face, the daemon those of the others.
    """
    daemon.write_settings(output={"format": "png"}, watching={"settle_seconds": 0.3})
    photos = {
        f"{number:02}.jpg": portrait(number) if number % 4 == 0 else landscape(number, 360)
        for number in range(PHOTOS)
    }
    for name, data in photos.items():
        (daemon.inbox / name).write_bytes(data)
    return photos


def count_valid_copies(daemon: DaemonProcess, photos: dict[str, bytes]) -> int:
    """Return the number of copies; assert that each is complete and the only one of its photo."""
    names = daemon.outputs()
    assert not [name for name in names if name.startswith(".")]
    assert len({Path(name).stem for name in names}) == len(names)
    for name in names:
        copy = daemon.output / name
        assert is_complete(copy)
        assert name.endswith(".png") or copy.read_bytes() == photos[name]
    return len(names)


def all_finished(daemon: DaemonProcess) -> bool:
    counts = daemon.counts()
    return counts["done"] + counts["no_faces"] == PHOTOS


def seconds_to_resume(daemon: DaemonProcess) -> float:
    """Wait until all photos are finished; return the seconds until the next copy."""
    before, began = len(daemon.outputs()), time.monotonic()
    daemon.wait_for(lambda: len(daemon.outputs()) > before, "the work to resume", 2 * RESUME_SECONDS)
    seconds = time.monotonic() - began
    daemon.wait_for(lambda: all_finished(daemon), "all photos to be finished", 240)
    return seconds


def attempts(daemon: DaemonProcess) -> set[int]:
    return {job.attempts for job in LedgerView(daemon.places.ledger).recent(10 * PHOTOS)}


def test_a_full_output_disk_pauses_the_work_and_damages_nothing(daemon, mount_small_disk, measured):
    mount_small_disk(daemon.output)
    photos = drop(daemon)
    daemon.start()
    daemon.wait_for(lambda: daemon.console().count("[waits]") >= 2, "the disk to be found full, twice")
    view = LedgerView(daemon.places.ledger)
    assert "free some space" in view.fact("troubles")["disk"]["text"]
    daemon.wait_for(lambda: view.interrupted() == [], "interrupted photos to be queued again")
    copies = count_valid_copies(daemon, photos)
    waiting = [job for name in photos if (job := view.photo(daemon.inbox / name)).state in WAITING]
    disk = os.statvfs(daemon.output)
    free_share = disk.f_bavail / disk.f_blocks
    assert copies + len(waiting) == PHOTOS
    assert 3 < copies < PHOTOS
    assert {job.attempts for job in waiting} == {0}
    assert free_share >= SPARE_SHARE

    mount_small_disk(daemon.output)
    seconds = seconds_to_resume(daemon)
    assert count_valid_copies(daemon, photos) == PHOTOS
    assert attempts(daemon) == {1}
    assert seconds <= RESUME_SECONDS
    assert "disk" not in view.fact("troubles")
    measured(
        f"output: {copies} complete copies, then a pause with {free_share:.1%} of the disk free, no partial "
        f"file, no attempt counted for the {len(waiting)} that waited; resumed {seconds:.0f} s after space "
        "was freed"
    )


def test_a_full_ledger_disk_pauses_the_work_and_loses_nothing(daemon, mount_small_disk, measured):
    mount_small_disk(daemon.places.state)
    photos = drop(daemon)
    daemon.start()
    daemon.wait_for(lambda: len(daemon.outputs()) >= 3, "some copies")
    ballast = daemon.places.state / "ballast"
    fill(ballast)
    daemon.wait_for(lambda: "no space left for the ledger" in daemon.console(), "the disk to be found full")
    time.sleep(SECOND_CHECK_SECONDS)
    copies = count_valid_copies(daemon, photos)
    assert daemon.process.poll() is None
    assert copies < PHOTOS

    ballast.unlink()
    mount_small_disk(daemon.places.state)
    seconds = seconds_to_resume(daemon)
    assert count_valid_copies(daemon, photos) == PHOTOS
    assert attempts(daemon) == {1}
    assert seconds <= RESUME_SECONDS
    assert daemon.stop() == 0
    measured(
        f"ledger: {copies} copies, then a pause; resumed {seconds:.0f} s after space was freed, 1 copy each"
    )


def test_a_disk_without_inodes_pauses_the_work_and_is_named(daemon, mount_small_disk, measured):
    mount_small_disk(daemon.output, "nr_inodes=12", "nr_inodes=1000")
    photos = drop(daemon)
    daemon.start()
    daemon.wait_for(lambda: daemon.console().count("[waits]") >= 2, "the disk to be found full, twice")
    view = LedgerView(daemon.places.ledger)
    assert "no more files fit on the disk" in view.fact("troubles")["disk"]["text"]
    copies = count_valid_copies(daemon, photos)
    assert 3 < copies < PHOTOS

    mount_small_disk(daemon.output, "nr_inodes=12", "nr_inodes=1000")
    seconds = seconds_to_resume(daemon)
    assert count_valid_copies(daemon, photos) == PHOTOS
    assert attempts(daemon) == {1}
    assert seconds <= RESUME_SECONDS
    measured(
        f"no inodes: {copies} copies, then a pause, named; resumed {seconds:.0f} s after there were some"
    )


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as ballast:
        for step in (65536, 4096, 1):
            try:
                while ballast.write(bytes(step)) == step:
                    pass
            except OSError:
                continue
