"""A daemon that becomes the new version of its program, in the same process."""

from __future__ import annotations

import signal
import sys

import pytest

from facewatch.state.instance import running_pid
from tests.daemon_process import DaemonProcess
from tests.portrait import portrait_bytes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows replaces no program that runs")


@pytest.mark.timeout(180)
def test_a_daemon_starts_again_in_place_and_goes_on_with_its_photos(tmp_path):
    daemon = DaemonProcess(tmp_path)
    daemon.start()
    try:
        starts = lambda: daemon.console().count("watched folders: 1")  # noqa: E731
        daemon.wait_for(lambda: starts() == 1, "the first start")
        (daemon.inbox / "a.jpg").write_bytes(portrait_bytes())
        daemon.process.send_signal(signal.SIGUSR1)
        daemon.wait_for(lambda: starts() == 2, "the second start")
        assert running_pid(daemon.places) == daemon.process.pid
        daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the photo", 120)
        assert "facewatch has stopped" in daemon.console()
    finally:
        assert daemon.stop() == 0
