"""GPU hang.

The engine is stopped (SIGSTOP) while it restores a photo, so that it neither answers nor exits.
"""

from __future__ import annotations

import signal
import time

import pytest

from tests.faults.kills import engine_of
from tests.faults.photos import noisy_portrait

TIMEOUT_SECONDS = 8.0  # a busy machine may leave the engine without a turn for seconds

pytestmark = pytest.mark.timeout(200)


def test_a_hung_engine_is_killed_and_its_photo_retried(daemon, measured):
    daemon.write_settings(engine={"timeout_seconds": TIMEOUT_SECONDS})
    daemon.start()
    photo = daemon.inbox / "a.jpg"
    photo.write_bytes(noisy_portrait(1, (200, 200, 200), (1800, 1200)))
    daemon.wait_for(lambda: engine_of(daemon) is not None, "the engine")
    daemon.wait_for(lambda: daemon.state("a.jpg") == "running", "the photo to be started")
    engine = engine_of(daemon)
    engine.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    daemon.wait_for(lambda: not engine.is_running(), "the engine's end")
    seconds = time.monotonic() - stopped
    daemon.wait_for(lambda: daemon.state("a.jpg") == "done", "the next attempt")
    assert "did not answer for" in daemon.console()
    assert daemon.outputs() == ["a.jpg"]
    assert daemon.stop() == 0
    measured(f"limit {TIMEOUT_SECONDS:g} s: killed after {seconds:.1f} s, the photo done at the next attempt")
    assert seconds < 2 * TIMEOUT_SECONDS + 2
