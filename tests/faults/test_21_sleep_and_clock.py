"""Sleep and clock.

The daemon is stopped (SIGSTOP) while a photo is being written, alone and together with the writer; and its
clock is moved by a day, forward and back (libfaketime), while a photo waits for its retry.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.faults.daemons import WallClock, WrappedDaemon, job_of, pieces, seconds_until
from tests.faults.photos import landscape, portrait

pytestmark = pytest.mark.timeout(300)
DAY = 86_400
WRITER = """
import sys, time
photo, source, pause, count = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
data = open(source, "rb").read()
step = -(-len(data) // count)
for start in range(0, len(data), step):
    with open(photo, "ab") as file:
        file.write(data[start : start + step])
    print(time.time(), flush=True)
    time.sleep(pause)
"""


@pytest.fixture
def stop_seconds(soak) -> float:
    return 60.0 if soak else 6.0  # the daemon recognises a suspension from 5 s on


def test_a_file_written_while_the_daemon_is_stopped_is_not_taken_early(daemon, soak, stop_seconds, measured):
    settle_seconds = 5.0 if soak else 2.0
    daemon.write_settings(watching={"settle_seconds": settle_seconds})
    daemon.start()
    data = landscape(1, 300)
    photo = daemon.inbox / "a.jpg"
    first, *others = pieces(data, 10)
    photo.write_bytes(first)
    time.sleep(0.5)  # until the daemon has seen it
    os.kill(daemon.process.pid, signal.SIGSTOP)
    for piece in others:
        time.sleep(stop_seconds / len(others))
        with photo.open("ab") as file:
            file.write(piece)
    written = time.time()
    os.kill(daemon.process.pid, signal.SIGCONT)
    daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the copy", 60)
    job = job_of(daemon, photo)
    quiet = job.added - written
    assert quiet > settle_seconds - 0.05
    assert job.turn == 1
    assert (daemon.output / "a.jpg").read_bytes() == data
    measured(f"stopped for {stop_seconds:.0f} s: 1 job, {quiet:.1f} s after the last byte")


def test_a_file_whose_writer_is_stopped_too_is_not_taken_early(
    daemon, soak, stop_seconds, tmp_path, measured
):
    settle_seconds = 5.0 if soak else 2.0
    daemon.write_settings(watching={"settle_seconds": settle_seconds})
    daemon.start()
    photo, source = daemon.inbox / "a.jpg", tmp_path / "source.jpg"
    source.write_bytes(landscape(1, 300))
    command = [sys.executable, "-c", WRITER, str(photo), str(source), str(settle_seconds / 2), "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.3)  # until the daemon has seen it
        for process in (writer.pid, daemon.process.pid):
            os.kill(process, signal.SIGSTOP)
        time.sleep(stop_seconds)
        os.kill(daemon.process.pid, signal.SIGCONT)
        time.sleep(0.3)  # the daemon continues first
        os.kill(writer.pid, signal.SIGCONT)
        written = float(writer.stdout.read().split()[-1])
    daemon.wait_for(lambda: daemon.outputs() == ["a.jpg"], "the copy", 60)
    job = job_of(daemon, photo)
    quiet = job.added - written
    assert quiet > settle_seconds - 0.05
    assert job.turn == 1
    assert (daemon.output / "a.jpg").read_bytes() == source.read_bytes()
    measured(f"writer and daemon stopped: 1 job, {quiet:.1f} s after the last byte")


@pytest.fixture
def clock(tmp_path):
    return WallClock(tmp_path / "home")


@pytest.fixture
def daemon_with_clock(tmp_path):
    (tmp_path / "home").mkdir()
    process = WrappedDaemon(tmp_path / "home")
    yield process
    process.stop(signal.SIGKILL)


def test_a_moved_clock_delays_no_retry(daemon_with_clock, clock, measured):
    daemon_with_clock.extra_environment = clock.extra_environment
    daemon_with_clock.start()
    (daemon_with_clock.inbox / "half.jpg").write_bytes(portrait(1, 300)[:4000])
    daemon_with_clock.wait_for(lambda: has_attempts(daemon_with_clock, 1), "the first attempt")
    seconds = []
    for attempt, jump in enumerate([DAY, -DAY, -DAY, DAY], start=2):
        clock.move(jump)
        seconds.append(
            seconds_until(
                daemon_with_clock, lambda n=attempt: has_attempts(daemon_with_clock, n), "an attempt", 20
            )
        )
        name = f"{attempt}.jpg"
        (daemon_with_clock.inbox / name).write_bytes(landscape(attempt))
        daemon_with_clock.wait_for(lambda name=name: name in daemon_with_clock.outputs(), "a copy", 60)
    delays = ", ".join(f"{each:.1f}" for each in seconds)
    measured(f"a day forward, back, back again, forward: tried again after {delays} s")


def has_attempts(daemon, attempts):
    """True after `attempts` attempts; the fifth is the last."""
    job = job_of(daemon, "half.jpg")
    state = "parked" if attempts == 5 else "retry"
    return job is not None and (job.state, job.attempts) == (state, attempts)
