"""Preallocated.

A WebP file has its full size from the start, all zeros, and is filled in random order over many settle
times. A BMP and a TIFF are filled by half, a motion photo has no film yet, when their writer pauses for
several settle times.
"""

from __future__ import annotations

import random
import time
from io import BytesIO

import pytest
from PIL import Image

from tests.faults.daemons import job_of, pieces

FILM = b"\0\0\0\x18ftypmp42" + bytes(range(1, 256)) * 40

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


def test_a_file_that_decodes_half_filled_waits_for_the_rest(daemon, measured):
    daemon.write_settings(watching={"settle_seconds": 1.0})
    daemon.start()
    whole = {"photo.bmp": noise("BMP"), "scan.tif": noise("TIFF"), "motion.jpg": motion_photo()}
    for name, data in whole.items():
        (daemon.inbox / name).write_bytes(first_part(name, data))
    for name in whole:
        daemon.wait_for(lambda name=name: waits(daemon, name), f"{name} to be found incomplete")
    assert daemon.outputs() == []
    for name, data in whole.items():
        with (daemon.inbox / name).open("r+b") as file:
            file.write(data)
    daemon.wait_for(lambda: daemon.outputs() == sorted(whole), "the copies")
    for name, data in whole.items():
        assert (daemon.output / name).read_bytes() == data
    measured("BMP, TIFF and motion photo that paused half filled: no early output, 1 correct copy each")


def waits(daemon, name: str) -> bool:
    job = job_of(daemon, name)
    return job is not None and job.state == "retry"


def first_part(name: str, data: bytes) -> bytes:
    if name.endswith(".jpg"):
        return data[: -len(FILM)]
    return data[: len(data) // 2] + bytes(len(data) - len(data) // 2)


def motion_photo() -> bytes:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:g="http://ns.google.com/photos/1.0/camera/" g:MicroVideo="1" '
        b'g:MicroVideoOffset="%d"/></rdf:RDF></x:xmpmeta>' % len(FILM)
    )
    return noise("JPEG", xmp=packet) + FILM


def noise(kind: str, **options: bytes) -> bytes:
    data = BytesIO()
    Image.effect_noise((256, 256), 60).convert("RGB").save(data, kind, **options)
    return data.getvalue()


def webp() -> bytes:
    data = BytesIO()
    Image.effect_noise((256, 256), 60).convert("RGB").save(data, "WEBP", lossless=True)
    return data.getvalue()
