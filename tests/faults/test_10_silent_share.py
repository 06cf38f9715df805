"""Unresponsive share.

The daemon's observer drops every event, as a share drops those of other machines. And a share's server stops
answering: every system call on it blocks.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

import pytest

from tests.faults.daemons import NO_EVENTS, WrappedDaemon, problems, seconds_until
from tests.faults.photos import landscape
from tests.faults.requirements import require_root

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def daemon(tmp_path):
    process = WrappedDaemon(tmp_path)
    process.program = ("-c", NO_EVENTS)
    yield process
    process.stop(signal.SIGKILL)


def test_photos_are_found_by_scans_without_events(daemon, soak, measured):
    rescan_seconds, count = (300, 200) if soak else (4, 20)
    daemon.write_settings(watching={"settle_seconds": 0.5, "rescan_seconds": rescan_seconds})
    daemon.start()
    time.sleep(1)  # the first scan is over
    expected = [f"{number % 5}/{number:03}.jpg" for number in range(count)]
    for number, name in enumerate(expected):
        (daemon.inbox / name).parent.mkdir(exist_ok=True)
        (daemon.inbox / name).write_bytes(landscape(number))
    limit = 1.25 * rescan_seconds + 15
    seconds = seconds_until(daemon, lambda: daemon.outputs() == sorted(expected), "all copies", limit)
    measured(
        f"{count} of {count} copies {seconds:.0f} s after the photos arrived (scans {rescan_seconds} s apart)"
    )


class UnresponsiveShare:
    """A file system whose server never answers once `stop_answering` was called."""

    def __init__(self, point):
        self.point = point
        (point / "photos").mkdir(parents=True)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._server = None

    def stop_answering(self):
        self._server = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._server},rootmode=40000,user_id=0,group_id=0".encode()
        if self._libc.mount(b"silent", os.fsencode(self.point), b"fuse", 0, options) != 0:
            pytest.skip(f"a share cannot be created here: {os.strerror(ctypes.get_errno())}")

    def close(self):
        if self._server is not None:
            os.close(self._server)  # ends the calls that still block
            self._libc.umount2(os.fsencode(self.point), 2)


@pytest.fixture
def share(tmp_path):
    require_root()
    if sys.platform != "linux" or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("needs /dev/fuse to create a share that does not answer")
    share = UnresponsiveShare(tmp_path / "share")
    yield share
    share.close()


@pytest.mark.needs_root
@pytest.mark.parametrize("silent_at_start", [True, False])
def test_an_unresponsive_share_blocks_neither_the_other_folders_nor_the_end(
    tmp_path, share, silent_at_start, measured
):
    daemon = WrappedDaemon(tmp_path / "home")
    on_the_share = {"input": str(share.point / "photos"), "output": str(tmp_path / "copies")}
    daemon.write_settings(folders=[*daemon.settings["folders"], on_the_share])
    try:
        if silent_at_start:
            share.stop_answering()
        daemon.start()
        if not silent_at_start:
            time.sleep(1)  # its first scan is over
            share.stop_answering()
        (daemon.inbox / "a.jpg").write_bytes(landscape(1))
        restored = seconds_until(daemon, lambda: daemon.outputs() == ["a.jpg"], "the copy", 40)
        reported = seconds_until(
            daemon, lambda: "does not answer" in problems(daemon), "the share to be reported", 30
        )
        began = time.monotonic()
        assert daemon.stop() == 0
        ended = time.monotonic() - began
        assert ended < 10
        measured(
            f"copy in the other folder after {restored:.0f} s, share reported {reported:.0f} s later, "
            f"ended in {ended:.1f} s"
        )
    finally:
        daemon.stop(signal.SIGKILL)
