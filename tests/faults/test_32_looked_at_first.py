"""Looked at before it is read.

A film of 5 GB is named .jpg, and a model of one's own is a zip of 1 MB that unpacks to 900; the memory of the
daemon and its engine is measured.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import psutil
import pytest

from tests.daemon_process import DaemonProcess
from tests.faults.patches import PatchedDaemon
from tests.faults.photos import landscape

pytestmark = pytest.mark.timeout(300)

PHOTOS = 6
FILM_BYTES, PLANTED_FILM_BYTES = 5_000_000_000, 900_000_000
MOST_BYTES = 300_000_000  # more than a run without the film
READ_WITHOUT_A_LOOK = """
    import sys
    import facewatch.engine.source as source
    assert callable(source.check_bytes)
    source.check_bytes = lambda *_: None
"""


def peak_bytes(process: psutil.Process) -> int:
    """Return the largest memory that a process has had."""
    text = Path(f"/proc/{process.pid}/status").read_text("ascii")
    return int(text.split("VmHWM:")[1].split()[0]) * 1024


def restored(home: Path, patch: str, film_bytes: int) -> tuple[DaemonProcess, int]:
    """Restore photos, the film among them; return the daemon and the peak memory of it and its engine."""
    daemon = PatchedDaemon(home, patch, watching={"settle_seconds": 0.3})
    for number in range(PHOTOS):
        (daemon.inbox / f"{number}.jpg").write_bytes(landscape(number))
    if film_bytes:
        with (daemon.inbox / "2 film.jpg").open("wb") as film:
            film.write(b"\0\0\0\x20ftypisom" + bytes(range(256)) * 4096)
            film.truncate(film_bytes)
    daemon.start()
    daemon.wait_for(lambda: daemon.counts()["no_faces"] == PHOTOS, "the photos", 120)
    if film_bytes:
        daemon.wait_for(lambda: daemon.state("2 film.jpg") == "parked", "the film to be refused", 120)
    assert daemon.process is not None
    own = psutil.Process(daemon.process.pid)
    return daemon, sum(peak_bytes(process) for process in (own, *own.children()))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_film_named_as_a_photo_costs_little_and_holds_up_nothing(tmp_path, measured):
    without, usual = restored(tmp_path / "without", "", 0)
    without.stop()
    daemon, peak = restored(tmp_path / "with", "", FILM_BYTES)
    daemon.stop()
    assert peak - usual < MOST_BYTES
    measured(f"a film of 5 GB: refused, {max(0, peak - usual) / 1e6:.0f} MB more than without it")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_this_check_finds_a_film_that_is_read_whole(tmp_path):
    without, usual = restored(tmp_path / "without", READ_WITHOUT_A_LOOK, 0)
    without.stop()
    daemon, peak = restored(tmp_path / "with", READ_WITHOUT_A_LOOK, PLANTED_FILM_BYTES)
    daemon.stop()
    assert peak - usual > MOST_BYTES


def test_a_checkpoint_that_unpacks_to_far_more_is_refused_unread(daemon, measured):
    daemon.places.models.mkdir()
    bomb = daemon.places.models / "bomb.pth"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a/data.pkl", "w") as entry,
    ):
        for _ in range(900):
            entry.write(bytes(1_000_000))
    photo = daemon.inbox / "a.jpg"
    photo.write_bytes(landscape(1))
    command = ["restore", str(photo), "-o", str(daemon.output), "--detector", "yunet", "--model", "bomb"]
    command += ["--identity", "warn"]
    run = daemon.command(*command, timeout=280)
    assert run.returncode == 1
    assert "would unpack to 900 MB" in run.stderr
    measured(f"a checkpoint of {bomb.stat().st_size / 1e6:.1f} MB that unpacks to 900: refused unread")
