"""Edited while running.

The engine is stopped (SIGSTOP) at moments spread over its work, one in three while it writes the copy; the
original is rewritten in place, replaced, or rewritten with its old size and time; the engine goes on.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from facewatch.state.ledger import FINISHED, LedgerView
from facewatch.system.atomic import sha256_of
from tests.daemon_process import DaemonProcess
from tests.faults.kills import SLOW_SECONDS, engine_of, wait_until_writing
from tests.faults.photos import noisy_portrait

OLD, NEW = (200, 30, 30), (30, 30, 200)  # the grounds
SIZE = (900, 700)  # the engine works on it for about half a second
LARGER = 8192  # bytes that an old photo is at least larger than a new one, which can then have its size
EVERYDAY_EDITS, ALL_EDITS = 6, 60

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, to see that the daemon is at rest"),
]


def in_place(photo: Path, data: bytes) -> None:
    photo.write_bytes(data)


def replaced(photo: Path, data: bytes) -> None:
    other = photo.with_name(f"{photo.name}.part")
    other.write_bytes(data)
    other.replace(photo)


def unchanged_to_look_at(photo: Path, data: bytes) -> None:
    before = photo.stat()
    photo.write_bytes(data.ljust(before.st_size, b"\0"))
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert photo.stat().st_size == before.st_size


WAYS = (in_place, replaced, unchanged_to_look_at)


def test_what_is_edited_while_the_engine_works_on_it_comes_out_as_it_is_then(daemon, soak, measured):
    edits = ALL_EDITS if soak else EVERYDAY_EDITS
    daemon.start()
    for name in ("first.jpg", "second.jpg"):
        started = begin(daemon, name)
        wait_until_finished(daemon, name)
        seconds = time.monotonic() - started
    names: list[str] = []
    for attempt in range(3 * edits):
        name = f"{attempt:03}.jpg"
        share = None if attempt % 3 == 2 else 0.05 + 0.8 * len(names) / edits
        if stopped_in_work(daemon, name, share, seconds):
            edit_and_go_on(daemon, name, len(names))
            names.append(name)
        wait_until_finished(daemon, name)
        if len(names) == edits:
            break
    assert daemon.stop() == 0
    stale = [name for name in names if not shows(daemon.output / name, NEW)]
    more = [name for name in daemon.outputs() if not (daemon.inbox / name).exists()]
    measured(
        f"{len(names)} edits in the midst of the work: {len(stale)} stale results, {len(more)} second copies"
    )
    assert (len(names), stale, more) == (edits, [], [])


def begin(daemon: DaemonProcess, name: str) -> float:
    """Drop a photo; returns when the daemon has begun with it, and that moment."""
    (daemon.inbox / name).write_bytes(noisy_portrait(1, OLD, SIZE) + bytes(LARGER) + name.encode())
    daemon.wait_for(lambda: daemon.state(name) == "running", f"{name} to have its turn", SLOW_SECONDS)
    return time.monotonic()


def stopped_in_work(daemon: DaemonProcess, name: str, share: float | None, seconds: float) -> bool:
    """Drop a photo and stop the engine while it works on it; False, and it goes on, if that came too late.

    share  of the time that a photo takes; None: when its copy is being written
    """
    begin(daemon, name)
    engine = engine_of(daemon)
    if share is None:
        wait_until_writing(daemon, engine.pid, SLOW_SECONDS)
    else:
        time.sleep(share * seconds)
    engine.suspend()
    wait_until_at_rest(daemon.process.pid)  # an answer that was on its way is committed first
    if daemon.state(name) == "running":
        return True
    engine.resume()
    return False


def wait_until_at_rest(pid: int) -> None:
    """Wait until no thread of the process has had anything to do for half a second."""
    looks, deadline = 0, time.monotonic() + SLOW_SECONDS
    while looks < 5:
        assert time.monotonic() < deadline
        states = [
            stat.read_text().rpartition(") ")[2][0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")
        ]
        looks = looks + 1 if set(states) == {"S"} else 0
        time.sleep(0.1)


def edit_and_go_on(daemon: DaemonProcess, name: str, number: int) -> None:
    """Change the original and let the engine go on: at once, or when the new file has been quiet."""
    WAYS[number // 2 % 3](daemon.inbox / name, noisy_portrait(number, NEW, (SIZE[0], SIZE[1] - 16)))
    if number % 2:
        time.sleep(1)
    engine_of(daemon).resume()


def wait_until_finished(daemon: DaemonProcess, name: str) -> None:
    """Wait until the photo, as it is now, has come to its end."""
    photo = daemon.inbox / name

    def ended() -> bool:
        job = LedgerView(daemon.places.ledger).photo(photo)
        return job is not None and job.state in FINISHED and job.sha256 == sha256_of(photo)

    daemon.wait_for(ended, f"{name} to be finished as it is now", SLOW_SECONDS)


def shows(copy: Path, ground: tuple[int, int, int]) -> bool:
    """Whether a copy has this ground."""
    with Image.open(copy) as picture:
        picture.load()
        seen = picture.convert("RGB").getpixel((10, 10))
    return all(abs(one - other) < 30 for one, other in zip(seen, ground, strict=True))
