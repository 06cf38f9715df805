"""Preallocated.

A WebP file has its full size from the start, all zeros, and is filled in random order over many settle
times.
"""

from __future__ import annotations

import random
import time
from io import BytesIO

import pytest
from PIL import Image

from tests.faults.daemons import job_of, pieces

pytestmark = pytest.mark.timeout(180)


def test_no_copy_appears_before_the_photo_is_complete(daemon, soak, measured):
    settle_seconds, seconds = (5.0, 20.0) if soak else (1.0, 5.0)
    daemon.write_settings(watching={"settle_seconds": settle_seconds})
    daemon.start()
    data = webp()
    photo = daemon.inbox / "photo.webp"
    parts = list(enumerate(pieces(data, 20)))
    random.Random(1).shuffle(parts)
    with photo.open("wb") as file:
        file.truncate(len(data))
        for number, piece in parts:
            time.sleep(seconds / len(parts))
            file.seek(number * len(parts[0][1]) if number < len(parts) - 1 else len(data) - len(piece))
            file.write(piece)
            file.flush()
            assert job_of(daemon, photo) is None
            assert daemon.outputs() == []
    written = time.time()
    daemon.wait_for(lambda: daemon.outputs() == ["photo.webp"], "the copy")
    assert (daemon.output / "photo.webp").read_bytes() == data
    job = job_of(daemon, photo)
    assert job.turn == 1
    assert job.added - written > settle_seconds - 0.05
    measured(
        f"filled over {seconds:.0f} s: no early output; 1 correct copy {job.added - written:.1f} s later"
    )


def webp() -> bytes:
    data = BytesIO()
    Image.effect_noise((256, 256), 60).convert("RGB").save(data, "WEBP", lossless=True)
    return data.getvalue()
