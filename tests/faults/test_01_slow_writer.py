"""Slow writer.

A photo is written in 10 pieces with pauses of up to four fifths of the settle time; the file is closed and
reopened for each piece.
"""

from __future__ import annotations

import random
import time

import pytest

from tests.faults.daemons import job_of, pieces
from tests.faults.photos import landscape

pytestmark = pytest.mark.timeout(180)


def test_a_file_written_with_pauses_is_one_job_after_its_last_byte(daemon, soak, measured):
    settle_seconds = 5.0 if soak else 1.5
    daemon.write_settings(watching={"settle_seconds": settle_seconds})
    daemon.start()
    photo, data = daemon.inbox / "scan.jpg", landscape(1, 300)
    pauses = random.Random(1)
    longest = 0.8 * settle_seconds  # 4 s of 5
    for number, piece in enumerate(pieces(data, 10)):
        if number:
            time.sleep(longest if number % 3 == 0 else pauses.uniform(0, longest))
        with photo.open("ab") as file:
            file.write(piece)
        assert job_of(daemon, photo) is None
    written = time.time()
    daemon.wait_for(lambda: daemon.outputs() == ["scan.jpg"], "the copy")
    job = job_of(daemon, photo)
    assert job.turn == 1
    quiet = job.added - written
    assert quiet > settle_seconds - 0.05
    assert (daemon.output / "scan.jpg").read_bytes() == data
    measured(f"1 job, {quiet:.1f} s after the last byte (settle time {settle_seconds} s)")
