"""One photo's lack of memory, handles or time.

One photo among twelve makes the engine reserve memory to its limit, open files until the system refuses, or
never answers. The others must not wait for it.
"""

from __future__ import annotations

import signal
import sys

import pytest

from tests.faults.daemons import job_of
from tests.faults.patches import PatchedDaemon
from tests.faults.photos import is_complete, landscape

OTHERS = 12
NEEDY = "00 needy.jpg"  # the first in the queue
TIMEOUT_SECONDS = 30.0  # which a busy machine needs to start an engine

NEEDS = """
    import sys
    if "engine" in sys.orig_argv:
        import os, time
        from facewatch.engine.restorer import Restorer
        def memory(hoard):
            while True:
                hoard.append(bytes(1 << 28))  # never touched, so that only the process's limit is met
        def handles(hoard):
            while True:
                hoard.append(open(os.devnull))
        def time_(hoard):
            time.sleep(100_000)
        needs = {{"memory": memory, "handles": handles, "time": time_}}["{need}"]
        def read(self, job, plain=Restorer.read):
            if "needy" in os.path.basename(job.source):
                needs([])
            return plain(self, job)
        Restorer.read = read
"""

ONE_LACK_HOLDS_ALL = """
    import sys
    if "run" in sys.orig_argv:
        import facewatch.worker.failures as failures
        from facewatch.worker.retry_policy import RetryDecision
        assert callable(failures.decide)
        failures.decide = lambda *_, **__: RetryDecision("give back", hold_place="engine", new_engine=True)
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of the engine's memory"),
    pytest.mark.timeout(400),
]


def start(home, need, defect="") -> PatchedDaemon:
    daemon = PatchedDaemon(
        home,
        NEEDS.format(need=need) + defect,
        watching={"settle_seconds": 0.3},
        engine={"timeout_seconds": TIMEOUT_SECONDS},
    )
    (daemon.inbox / NEEDY).write_bytes(landscape(99))
    daemon.start()
    daemon.wait_for(lambda: job_of(daemon, NEEDY) is not None, "the needy photo to be queued")
    for number in range(1, OTHERS + 1):
        (daemon.inbox / f"{number:02}.jpg").write_bytes(landscape(number))
    return daemon


def copies(daemon: PatchedDaemon) -> int:
    return sum(is_complete(daemon.output / name) for name in daemon.outputs())


@pytest.mark.parametrize(
    ("need", "reason"), [("memory", "memory"), ("handles", "files are open"), ("time", "did not answer")]
)
def test_a_photo_that_needs_too_much_waits_alone_with_its_reason(tmp_path, need, reason, measured):
    daemon = start(tmp_path, need)
    try:
        daemon.wait_for(lambda: copies(daemon) == OTHERS, "the copies of the others", 240)
        daemon.wait_for(lambda: job_of(daemon, NEEDY).reason is not None, "the reason of the needy one")
        job = job_of(daemon, NEEDY)
        assert job.state in {"retry", "queued", "running"}
        assert reason in job.reason
        assert f"{NEEDY}: " in daemon.command("status").stdout
    finally:
        daemon.stop(signal.SIGKILL)
    measured(f"{need}: {OTHERS} of {OTHERS} others done, the photo named with its reason")


def test_this_check_finds_a_photo_that_holds_up_the_others(tmp_path):
    daemon = start(tmp_path, "handles", ONE_LACK_HOLDS_ALL)
    try:
        with pytest.raises(AssertionError, match="the copies of the others"):
            daemon.wait_for(lambda: copies(daemon) == OTHERS, "the copies of the others", 40)
        assert "files are open" in daemon.console()
    finally:
        daemon.stop(signal.SIGKILL)
