"""Truncated for good.

The first half of a JPEG is in the folder and never grows; the daemon's clock is moved forward (libfaketime)
to the end of each wait.
"""

from __future__ import annotations

import json
import signal

import pytest

from facewatch.worker.retry_policy import UNFINISHED_SECONDS
from tests.faults.daemons import WallClock, WrappedDaemon, job_of
from tests.faults.photos import portrait

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def clock(tmp_path):
    return WallClock(tmp_path)


@pytest.fixture
def daemon(tmp_path, clock):
    process = WrappedDaemon(tmp_path)
    process.extra_environment = clock.extra_environment
    yield process
    process.stop(signal.SIGKILL)


def test_a_truncated_photo_is_retried_and_then_parked_until_it_changes(daemon, clock, measured):
    daemon.start()
    photo, data = daemon.inbox / "half.jpg", portrait(1, 300)
    photo.write_bytes(data[: len(data) // 2])
    waits = []
    for attempt, wait in enumerate(UNFINISHED_SECONDS, start=1):
        daemon.wait_for(lambda attempt=attempt: waits_after_attempt(daemon, attempt), f"attempt {attempt}")
        job = job_of(daemon, photo)
        waits.append(round(job.not_before - job.changed))
        clock.move(int(wait) + 1)
    daemon.wait_for(lambda: daemon.state("half.jpg") == "parked", "the photo to be parked")
    assert waits == [30, 120, 600, 3600]
    clock.move(86_400)
    failed = json.loads(daemon.command("status", "--json").stdout)["failed"]
    assert [(photo["path"], photo["state"]) for photo in failed] == [(str(photo), "parked")]
    assert "is cut off" in failed[0]["reason"]
    assert daemon.outputs() == []
    attempts = job_of(daemon, photo).attempts
    assert attempts == len(UNFINISHED_SECONDS) + 1
    photo.write_bytes(data)
    daemon.wait_for(lambda: daemon.outputs() == ["half.jpg"], "the copy of the complete photo")
    measured(
        f"no output; failed after {attempts} attempts ({waits} s apart), visible; restored once complete"
    )


def waits_after_attempt(daemon, attempt):
    job = job_of(daemon, "half.jpg")
    return job is not None and job.state == "retry" and job.attempts == attempt
