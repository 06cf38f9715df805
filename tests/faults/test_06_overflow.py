"""Overflow.

60,000 files are created within about two seconds in a watched folder: more events than the system keeps (at
the default size 20,000, while the daemon is stopped, so that it reads none meanwhile).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.faults.daemons import seconds_until

pytestmark = pytest.mark.timeout(240)


def test_all_files_are_queued_within_a_minute(daemon, soak, measured):
    count = 60_000 if soak else 20_000
    daemon.write_settings(paused=True)
    daemon.start()
    daemon.wait_for(lambda: watch_count(daemon.process.pid) > 0, "the folder to be watched")
    if not soak:
        os.kill(daemon.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    for number in range(count):
        os.close(os.open(daemon.inbox / f"{number:05}.jpg", os.O_CREAT | os.O_WRONLY))
    creation_seconds = time.monotonic() - began
    os.kill(daemon.process.pid, signal.SIGCONT)
    seconds = seconds_until(daemon, lambda: daemon.counts()["queued"] == count, "all to be queued", 60)
    assert "overflow" in daemon.console()
    measured(f"{count} files created in {creation_seconds:.1f} s; all queued {seconds:.0f} s later")


def watch_count(pid):
    """Return the number of folders that the system watches for a process."""
    listing = Path(f"/proc/{pid}/fdinfo").iterdir()
    return sum(entry.read_text("ascii").count("inotify wd:") for entry in listing)
