"""Downtime.

Photos are dropped while no daemon runs; some of them are still being copied, piece by piece, when it starts.
"""

from __future__ import annotations

import time

import pytest

from tests.faults.daemons import pieces
from tests.faults.photos import landscape

pytestmark = pytest.mark.timeout(600)


def test_every_photo_has_one_copy(daemon, soak, measured):
    count, copying = (1000, 100) if soak else (100, 10)
    settle_seconds = 5.0 if soak else 1.5
    daemon.write_settings(watching={"settle_seconds": settle_seconds})
    photos = {f"{number // 50}/{number:04}.jpg": landscape(number) for number in range(count)}
    for name, data in list(photos.items())[:-copying]:
        (daemon.inbox / name).parent.mkdir(exist_ok=True)
        (daemon.inbox / name).write_bytes(data)
    late = {name: pieces(data, 8) for name, data in list(photos.items())[-copying:]}
    for turn in range(8):
        for name, parts in late.items():
            (daemon.inbox / name).parent.mkdir(exist_ok=True)
            with (daemon.inbox / name).open("ab") as file:
                file.write(parts[turn])
        if turn == 2:
            daemon.start()
            began = time.monotonic()
        time.sleep(0.5 * settle_seconds)
    daemon.wait_for(lambda: len(daemon.outputs()) >= count, "all copies", 300)
    daemon.wait_for(lambda: daemon.counts()["no_faces"] == count, "all photos to be finished")
    seconds = time.monotonic() - began
    assert daemon.stop() == 0
    assert daemon.outputs() == sorted(photos)
    assert sum(daemon.counts().values()) == count
    for name, data in photos.items():
        assert (daemon.output / name).read_bytes() == data
    measured(
        f"{count} photos, {copying} of them still being copied: {count} copies, one each, in {seconds:.0f} s"
    )
