"""Watched folder replaced.

The watched folder is deleted and created again, once after a pause and once immediately; then it is renamed.
At the default size the daemon checks its folders every 2 s instead of every 10.
"""

from __future__ import annotations

import shutil
import signal
import time

import pytest

from tests.faults.daemons import (
    FAST_CHECKS,
    WrappedDaemon,
    job_of,
    problems,
    seconds_until,
)
from tests.faults.photos import landscape

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def daemon(tmp_path, soak):
    process = WrappedDaemon(tmp_path)
    if not soak:
        process.program = ("-c", FAST_CHECKS)
    yield process
    process.stop(signal.SIGKILL)


def test_the_new_folder_is_watched_and_a_renamed_one_is_not(daemon, notice_seconds, measured):
    daemon.start()
    drop(daemon.inbox, "1.jpg")
    daemon.wait_for(lambda: daemon.outputs() == ["1.jpg"], "the first copy")

    shutil.rmtree(daemon.inbox)
    gone = seconds_until(
        daemon, lambda: "missing" in problems(daemon), "the loss to be reported", notice_seconds
    )
    daemon.inbox.mkdir()
    back = seconds_until(daemon, lambda: problems(daemon) == "", "the return to be reported", notice_seconds)
    drop(daemon.inbox / "x", "2.jpg")
    daemon.wait_for(lambda: "x/2.jpg" in daemon.outputs(), "the second copy", 60)
    measured(f"rm: noticed in {gone:.1f} s; mkdir: in {back:.1f} s")

    shutil.rmtree(daemon.inbox)
    drop(daemon.inbox, "3.jpg")
    seconds = seconds_until(daemon, lambda: "3.jpg" in daemon.outputs(), "the third copy", 60)
    drop(daemon.inbox, "4.jpg")
    daemon.wait_for(lambda: "4.jpg" in daemon.outputs(), "the fourth copy", 60)
    measured(f"both at once: a photo in the new folder was restored after {seconds:.1f} s")

    elsewhere = daemon.inbox.with_name("elsewhere")
    daemon.inbox.rename(elsewhere)
    # Until the next check its events still arrive, under the old name.
    drop(elsewhere, "old.jpg")
    moved = seconds_until(
        daemon, lambda: "missing" in problems(daemon), "the loss to be reported", notice_seconds
    )
    drop(elsewhere, "later.jpg")
    time.sleep(1.5)  # three times the settle time
    assert job_of(daemon, "old.jpg") is None
    assert job_of(daemon, "later.jpg") is None
    assert daemon.outputs() == ["1.jpg", "3.jpg", "4.jpg", "x/2.jpg"]
    measured(f"mv: noticed in {moved:.1f} s, no job under the old name")


def drop(folder, name):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(landscape(sum(name.encode())))
