"""Soak.

The built-in model restores photos for a long time, with pauses and killed engines in between; the daemon's
open files and memory are measured throughout.
"""

from __future__ import annotations

import random

import psutil
import pytest

from tests.faults.kills import engine_of
from tests.faults.photos import landscape, portrait

pytestmark = pytest.mark.timeout(6 * 3600)

LARGEST_GROWTH = 50e6  # bytes


def test_a_long_run_leaks_nothing_and_its_ledger_matches_the_disk(daemon, soak, measured):
    photos, face_interval = (10_000, 40) if soak else (400, 10)
    rng = random.Random(25)
    for number in range(photos):
        data = portrait(number) if number % face_interval == 0 else landscape(number)
        (daemon.inbox / f"{number:05}.jpg").write_bytes(data)
    daemon.start()
    process = psutil.Process(daemon.process.pid)
    finished = lambda: daemon.counts()["done"] + daemon.counts()["no_faces"]  # noqa: E731
    files, memory, kills, pauses = [], [], 0, 0
    warm = photos // 10
    seconds = 3600 * 5 if soak else 200
    daemon.wait_for(lambda: finished() >= warm, "the first tenth", seconds)
    for step in range(2, 11):
        # Measured while no photo is processed: a starting engine opens files and takes memory.
        daemon.wait_for(lambda most=photos * step // 10: finished() >= most, "the next tenth", seconds)
        assert daemon.command("pause").returncode == 0
        pauses += 1
        daemon.wait_for(lambda: daemon.counts()["running"] + daemon.counts()["committing"] == 0, "the pause")
        files.append(process.num_fds())
        memory.append(process.memory_info().rss)
        engine = engine_of(daemon)
        if engine is not None and rng.random() < 0.5:
            engine.kill()
            kills += 1
        assert daemon.command("resume").returncode == 0
    daemon.wait_for(lambda: finished() == photos, "the end", seconds)
    growth = max(memory) - memory[0]
    assert daemon.outputs() == [f"{number:05}.jpg" for number in range(photos)]
    assert daemon.stop() == 0
    measured(
        f"{photos} photos, {pauses} pauses, {kills} killed engines: {min(files)}-{max(files)} files open, "
        f"memory {memory[0] / 1e6:.0f} MB and at most {growth / 1e6:.1f} MB more, ledger and disk agree"
    )
    assert max(files) - min(files) <= 8  # an engine's pipes, if one runs at only some of the measurements
    assert growth < LARGEST_GROWTH
