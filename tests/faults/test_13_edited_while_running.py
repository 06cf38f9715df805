"""Edited while being restored.

The engine is stopped (SIGSTOP) at moments spread over its work, one in three while it writes the copy; the
original is rewritten in place, replaced, or rewritten with its old size and time; the engine is resumed.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from facewatch.state.ledger import FINISHED, LedgerView
from facewatch.system.opened import sha256_of
from tests.daemon_process import DaemonProcess
from tests.faults.kills import SLOW_SECONDS, engine_of, wait_until_writing
from tests.faults.photos import noisy_portrait

OLD, NEW = (200, 30, 30), (30, 30, 200)  # backgrounds, RGB
SIZE = (900, 700)  # the engine works on it for about half a second
PADDING_BYTES = 8192  # added to the old photo, so that the new one can be padded to its size
DEFAULT_EDITS, ALL_EDITS = 6, 60

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to see that the daemon is idle"),
]


def rewrite_in_place(photo: Path, data: bytes) -> None:
    photo.write_bytes(data)


def replace(photo: Path, data: bytes) -> None:
    other = photo.with_name(f"{photo.name}.part")
    other.write_bytes(data)
    other.replace(photo)


def rewrite_with_old_size_and_time(photo: Path, data: bytes) -> None:
    before = photo.stat()
    photo.write_bytes(data.ljust(before.st_size, b"\0"))
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert photo.stat().st_size == before.st_size


EDITS = (rewrite_in_place, replace, rewrite_with_old_size_and_time)


def test_a_photo_edited_while_it_is_restored_is_restored_as_edited(daemon, soak, measured):
    edits = ALL_EDITS if soak else DEFAULT_EDITS
    daemon.start()
    for name in ("first.jpg", "second.jpg"):
        started = drop_and_wait(daemon, name)
        wait_until_finished(daemon, name)
        seconds = time.monotonic() - started
    names: list[str] = []
    for attempt in range(3 * edits):
        name = f"{attempt:03}.jpg"
        share = None if attempt % 3 == 2 else 0.05 + 0.8 * len(names) / edits
        if drop_and_stop_engine(daemon, name, share, seconds):
            edit_and_resume(daemon, name, len(names))
            names.append(name)
        wait_until_finished(daemon, name)
        if len(names) == edits:
            break
    assert daemon.stop() == 0
    stale = [name for name in names if not has_background(daemon.output / name, NEW)]
    extra = [name for name in daemon.outputs() if not (daemon.inbox / name).exists()]
    measured(
        f"{len(names)} edits during the restoration: {len(stale)} stale results, {len(extra)} second copies"
    )
    assert (len(names), stale, extra) == (edits, [], [])


def drop_and_wait(daemon: DaemonProcess, name: str) -> float:
    """Drop a photo and wait until the daemon works on it; return that moment."""
    (daemon.inbox / name).write_bytes(noisy_portrait(1, OLD, SIZE) + bytes(PADDING_BYTES) + name.encode())
    daemon.wait_for(lambda: daemon.state(name) == "running", f"{name} to be started", SLOW_SECONDS)
    return time.monotonic()


def drop_and_stop_engine(daemon: DaemonProcess, name: str, share: float | None, seconds: float) -> bool:
    """Drop a photo and stop the engine while it works on it.

    share    of the time that a photo takes, when to stop; None: while its copy is written
    seconds  that a photo takes
    returns  False, with the engine resumed, if the photo was finished before
    """
    drop_and_wait(daemon, name)
    engine = engine_of(daemon)
    if share is None:
        wait_until_writing(daemon, engine.pid, SLOW_SECONDS)
    else:
        time.sleep(share * seconds)
    engine.suspend()
    wait_until_idle(daemon.process.pid)  # an answer already sent is committed first
    if daemon.state(name) == "running":
        return True
    engine.resume()
    return False


def wait_until_idle(pid: int) -> None:
    """Wait until all threads of the process have slept for half a second."""
    idle_checks, deadline = 0, time.monotonic() + SLOW_SECONDS
    while idle_checks < 5:
        assert time.monotonic() < deadline
        states = [
            stat.read_text().rpartition(") ")[2][0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")
        ]
        idle_checks = idle_checks + 1 if set(states) == {"S"} else 0
        time.sleep(0.1)


def edit_and_resume(daemon: DaemonProcess, name: str, number: int) -> None:
    """Edit the original and resume the engine: at once, or after the settle time of the new file."""
    EDITS[number // 2 % 3](daemon.inbox / name, noisy_portrait(number, NEW, (SIZE[0], SIZE[1] - 16)))
    if number % 2:
        time.sleep(1)
    engine_of(daemon).resume()


def wait_until_finished(daemon: DaemonProcess, name: str) -> None:
    """Wait until the photo, as it is now, is finished."""
    photo = daemon.inbox / name

    def finished() -> bool:
        job = LedgerView(daemon.places.ledger).photo(photo)
        return job is not None and job.state in FINISHED and job.sha256 == sha256_of(photo)

    daemon.wait_for(finished, f"{name} to be finished as it is now", SLOW_SECONDS)


def has_background(copy: Path, color: tuple[int, int, int]) -> bool:
    """True if the copy has this background, within the loss of a JPEG."""
    with Image.open(copy) as picture:
        picture.load()
        found = picture.convert("RGB").getpixel((10, 10))
    return all(abs(one - other) < 30 for one, other in zip(found, color, strict=True))
