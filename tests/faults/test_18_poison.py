"""A photo that crashes the engine.

One photo among a hundred good ones kills the engine (which sends itself SIGKILL when it reads the photo); the
daemon is killed and started again between the attempts.
"""

from __future__ import annotations

import signal

import pytest

from tests.faults.patches import PatchedDaemon
from tests.faults.photos import landscape

GOOD = 100

ENGINE_KILLER = """
    import sys
    if "engine" in sys.orig_argv:
        import os, signal
        from facewatch.engine.restorer import Restorer
        def crash(self, job, read=Restorer.read):
            if "killer" in os.path.basename(job.source):
                with open(os.environ["FACEWATCH_HOME"] + "/deaths", "a") as file:
                    file.write(".")
                os.kill(os.getpid(), signal.SIGKILL)
            return read(self, job)
        Restorer.read = crash
"""
SHORT_RETRIES = """
    if "run" in sys.orig_argv:
        import facewatch.worker.retry_policy
        assert facewatch.worker.retry_policy.AGAIN_SECONDS == (5.0, 60.0)
        facewatch.worker.retry_policy.AGAIN_SECONDS = (0.5, 3.0)
"""

pytestmark = pytest.mark.timeout(400)


def test_a_crashing_photo_is_tried_three_times_and_affects_no_other(tmp_path, soak, measured):
    daemon = PatchedDaemon(tmp_path, ENGINE_KILLER if soak else ENGINE_KILLER + SHORT_RETRIES)
    try:
        for number in range(GOOD):
            (daemon.inbox / f"{number:03}.jpg").write_bytes(landscape(number))
        (daemon.inbox / "050 killer.jpg").write_bytes(landscape(GOOD))
        deaths = tmp_path / "deaths"
        daemon.start()
        for attempt in (1, 2):
            daemon.wait_for(lambda n=attempt: deaths.exists() and len(deaths.read_text()) >= n, "a crash")
            daemon.wait_for(lambda: daemon.state("050 killer.jpg") == "retry", "the retry")
            daemon.stop(signal.SIGKILL)
            daemon.start()
        daemon.wait_for(lambda: daemon.state("050 killer.jpg") == "poison", "the photo to be given up", 120)
        daemon.wait_for(lambda: daemon.counts()["no_faces"] == GOOD, "all good photos")
        assert daemon.stop() == 0
        outputs = daemon.outputs()
        measured(f"{len(outputs)} of {GOOD} copies, {len(deaths.read_text())} attempts over 3 daemons")
        assert outputs == [f"{number:03}.jpg" for number in range(GOOD)]
        assert len(deaths.read_text()) == 3
    finally:
        daemon.stop(signal.SIGKILL)
