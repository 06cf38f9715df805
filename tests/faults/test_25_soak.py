"""Soak.

Photos without end for the built-in model, with pauses and killed engines in between; the daemon's open files
and memory are read all along.
"""

from __future__ import annotations

import random

import psutil
import pytest

from tests.faults.kills import engine_of
from tests.faults.photos import landscape, portrait

pytestmark = pytest.mark.timeout(6 * 3600)

LARGEST_GROWTH = 50e6  # bytes


def test_a_long_run_leaks_nothing_and_ends_with_the_ledger_as_the_disk(daemon, soak, measured):
    photos, every = (10_000, 40) if soak else (400, 10)
    chance = random.Random(25)
    for number in range(photos):
        data = portrait(number) if number % every == 0 else landscape(number)
        (daemon.inbox / f"{number:05}.jpg").write_bytes(data)
    daemon.start()
    process = psutil.Process(daemon.process.pid)
    ended = lambda: daemon.counts()["done"] + daemon.counts()["no_faces"]  # noqa: E731
    files, memory, kills, pauses = [], [], 0, 0
    warm = photos // 10
    seconds = 3600 * 5 if soak else 200
    daemon.wait_for(lambda: ended() >= warm, "a warm start", seconds)
    for step in range(2, 11):
        # Looked at where nothing is under way: an engine that is being started costs files and memory.
        daemon.wait_for(lambda most=photos * step // 10: ended() >= most, "the next tenth", seconds)
        assert daemon.command("pause").returncode == 0
        pauses += 1
        daemon.wait_for(lambda: daemon.counts()["running"] + daemon.counts()["committing"] == 0, "quiet")
        files.append(process.num_fds())
        memory.append(process.memory_info().rss)
        engine = engine_of(daemon)
        if engine is not None and chance.random() < 0.5:
            engine.kill()
            kills += 1
        assert daemon.command("resume").returncode == 0
    daemon.wait_for(lambda: ended() == photos, "the end", seconds)
    growth = max(memory) - memory[0]
    assert daemon.outputs() == [f"{number:05}.jpg" for number in range(photos)]
    assert daemon.stop() == 0
    measured(
        f"{photos} photos, {pauses} pauses, {kills} killed engines: {min(files)}-{max(files)} files open, "
        f"memory {memory[0] / 1e6:.0f} MB and at most {growth / 1e6:.1f} MB more, ledger and disk agree"
    )
    assert max(files) - min(files) <= 8  # the pipes of an engine that is there at one look and not at another
    assert growth < LARGEST_GROWTH
