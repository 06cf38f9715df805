"""Silent share.

The daemon's observer drops every event, as a share does with those of other machines. And a share whose
server has fallen silent: every question about it waits for ever.
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


def test_everything_is_found_within_a_reconcile(daemon, soak, measured):
    rescan_seconds, count = (300, 200) if soak else (4, 20)
    daemon.write_settings(watching={"settle_seconds": 0.5, "rescan_seconds": rescan_seconds})
    daemon.start()
    time.sleep(1)  # the scan at the start is over
    wanted = [f"{number % 5}/{number:03}.jpg" for number in range(count)]
    for number, name in enumerate(wanted):
        (daemon.inbox / name).parent.mkdir(exist_ok=True)
        (daemon.inbox / name).write_bytes(landscape(number))
    limit = 1.25 * rescan_seconds + 15
    seconds = seconds_until(daemon, lambda: daemon.outputs() == sorted(wanted), "all copies", limit)
    measured(f"{count} of {count} out {seconds:.0f} s after they came (scans {rescan_seconds} s apart)")


class SilentShare:
    """A file system whose server never answers, from `fall_silent` on."""

    def __init__(self, point):
        self.point = point
        (point / "photos").mkdir(parents=True)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._server = None

    def fall_silent(self):
        self._server = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._server},rootmode=40000,user_id=0,group_id=0".encode()
        if self._libc.mount(b"silent", os.fsencode(self.point), b"fuse", 0, options) != 0:
            pytest.skip(f"a share cannot be made here: {os.strerror(ctypes.get_errno())}")

    def close(self):
        if self._server is not None:
            os.close(self._server)  # wakes whoever still waits
            self._libc.umount2(os.fsencode(self.point), 2)


@pytest.fixture
def share(tmp_path):
    require_root()
    if sys.platform != "linux" or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("needs /dev/fuse, to make a share that does not answer")
    share = SilentShare(tmp_path / "share")
    yield share
    share.close()


@pytest.mark.needs_root
@pytest.mark.parametrize("silent_at_the_start", [True, False])
def test_a_share_that_does_not_answer_stops_neither_the_others_nor_the_end(
    tmp_path, share, silent_at_the_start, measured
):
    daemon = WrappedDaemon(tmp_path / "home")
    on_the_share = {"input": str(share.point / "photos"), "output": str(tmp_path / "copies")}
    daemon.write_settings(folders=[*daemon.settings["folders"], on_the_share])
    try:
        if silent_at_the_start:
            share.fall_silent()
        daemon.start()
        if not silent_at_the_start:
            time.sleep(1)  # its scan at the start is over
            share.fall_silent()
        (daemon.inbox / "a.jpg").write_bytes(landscape(1))
        restored = seconds_until(daemon, lambda: daemon.outputs() == ["a.jpg"], "the copy", 40)
        told = seconds_until(
            daemon, lambda: "does not answer" in problems(daemon), "the share to be missed", 30
        )
        began = time.monotonic()
        assert daemon.stop() == 0
        ended = time.monotonic() - began
        assert ended < 10
        measured(f"others' copy after {restored:.0f} s, told {told:.0f} s later, ended in {ended:.1f} s")
    finally:
        daemon.stop(signal.SIGKILL)
