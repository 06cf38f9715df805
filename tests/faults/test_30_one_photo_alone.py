"""One photo's lack of room.

The output folder is a disk of 4 MB; one photo's copy needs more than that, those of the others do not.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.daemons import job_of
from tests.faults.patches import PatchedDaemon
from tests.faults.photos import is_complete, landscape
from tests.faults.requirements import require, require_root

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(300)]

PHOTOS = 12
LARGE = "00 large.jpg"  # the first in the queue

ONE_LACK_HOLDS_ALL = """
    import sys
    if "run" in sys.orig_argv:
        import facewatch.worker.retry_policy as policy
        assert policy.FULL_AFTER == 2
        policy.FULL_AFTER = 0
        policy.LONGEST_HOLD_SECONDS["disk"] = 5.0
        policy.FailureStreak.had_no_room = lambda *_: False
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    require("mount", "umount")
    require_root()
    folder = tmp_path / "out"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=4m,mode=700", "facewatch-test"]
    subprocess.run(["mount", *options, folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def start(home: Path, patch: str) -> DaemonProcess:
    daemon = PatchedDaemon(home, patch, watching={"settle_seconds": 0.3})
    (daemon.inbox / LARGE).write_bytes(landscape(99, 3000))
    assert (daemon.inbox / LARGE).stat().st_size > 4_000_000
    daemon.start()
    daemon.wait_for(lambda: job_of(daemon, LARGE) is not None, "the large photo to be queued")
    for number in range(1, PHOTOS + 1):
        (daemon.inbox / f"{number:02}.jpg").write_bytes(landscape(number))
    return daemon


def small_copies(daemon: DaemonProcess) -> int:
    return sum(is_complete(daemon.output / name) for name in daemon.outputs())


def test_a_photo_that_needs_more_room_than_there_is_waits_alone_with_its_reason(
    small_disk, tmp_path, measured
):
    daemon = start(tmp_path, "")
    try:
        daemon.wait_for(lambda: small_copies(daemon) == PHOTOS, "the copies of the others")
        job = job_of(daemon, LARGE)
        assert job.state in {"retry", "queued", "running"}
        assert job.attempts <= 1
        shown = daemon.command("status").stdout
        assert f"{LARGE}: " in shown
        assert "space" in job.reason
        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
        daemon.wait_for(lambda: LARGE in daemon.outputs(), "its copy once there is room", 90)
    finally:
        daemon.stop(9)
    measured(
        f"{PHOTOS} of {PHOTOS} others done while it waited, named with its reason; done once there was room"
    )


def test_this_check_finds_a_photo_that_holds_up_the_others(small_disk, tmp_path):
    daemon = start(tmp_path, ONE_LACK_HOLDS_ALL)
    try:
        with pytest.raises(AssertionError, match="the copies of the others"):
            daemon.wait_for(lambda: small_copies(daemon) == PHOTOS, "the copies of the others", 25)
    finally:
        daemon.stop(9)
