"""Own output: copies inside the watched folder, and a lost ledger.

The output folder is inside the watched folder. After three scans the ledger is deleted; after three more its
middle is overwritten and the settings are changed; three more follow.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from facewatch.errors import BadLedger
from facewatch.state.ledger import LedgerView
from facewatch.system.opened import sha256_of
from facewatch.worker.existing_copies import REPORT
from tests.daemon_process import DaemonProcess
from tests.faults.photos import landscape, portrait

pytestmark = pytest.mark.timeout(600)

PHOTOS = 100
FACE_INTERVAL = 10  # one photo in 10 has a face, so its copy has tags
RESCAN_SECONDS = 1.0
SCANS_SECONDS = 3 * 1.25 * RESCAN_SECONDS  # three scans, each at its latest


@pytest.fixture
def nested(daemon: DaemonProcess) -> DaemonProcess:
    """Return a daemon whose output folder is inside the watched folder."""
    daemon.output = daemon.inbox / "Restored"
    daemon.write_settings(
        folders=[{"input": str(daemon.inbox), "output": str(daemon.output)}],
        watching={"settle_seconds": 0.3, "rescan_seconds": RESCAN_SECONDS},
        output={"format": "png"},  # so that an unchanged face gets a copy with tags too
    )
    return daemon


def write_photos(folder: Path) -> int:
    """Write the photos, three with the same content; return how many have a face."""
    (folder / "1974").mkdir()
    for number in range(PHOTOS - 5):
        photo = folder / "1974" / f"{number}.jpg" if number < 20 else folder / f"{number}.jpg"
        photo.write_bytes(portrait(number) if number % FACE_INTERVAL == 0 else landscape(number))
    for name in ("same 1.jpg", "same 2.jpg", "1974/same 3.jpg"):
        (folder / name).write_bytes(portrait(PHOTOS))
    (folder / "pair.jpg").write_bytes(portrait(PHOTOS + 1))  # both copies would be pair.png
    (folder / "pair.jpeg").write_bytes(portrait(PHOTOS + 2))
    return len(range(0, PHOTOS - 5, FACE_INTERVAL)) + 5


def broken_ledgers(daemon: DaemonProcess) -> list[Path]:
    return list(daemon.places.state.glob("ledger.broken-*.sqlite3"))


def run_and_rescan(daemon: DaemonProcess, set_aside: int = 0) -> tuple[dict[str, str], int]:
    """Run until all photos are finished and scanned three more times.

    set_aside  how many damaged ledgers there are by then: the one before still says that all is done
    returns    the copies' digests by name, and how many copies were recognised
    """
    daemon.start()
    daemon.wait_for(lambda: len(broken_ledgers(daemon)) == set_aside, "the ledger to be set aside", 60)
    daemon.wait_for(lambda: finished(daemon) == PHOTOS, "all photos to be finished", 240)
    time.sleep(SCANS_SECONDS)
    assert daemon.stop() == 0
    assert finished(daemon) == sum(daemon.counts().values()) == PHOTOS
    jobs = LedgerView(daemon.places.ledger).recent(10 * PHOTOS)
    assert {job.output for job in jobs} == {daemon.output / name for name in daemon.outputs()}
    return (
        {name: sha256_of(daemon.output / name) for name in daemon.outputs()},
        sum(job.report == REPORT for job in jobs),
    )


def finished(daemon: DaemonProcess) -> int:
    try:
        counts = daemon.counts()
    except BadLedger:  # the daemon has not set it aside yet
        return 0
    return counts["done"] + counts["no_faces"]


def test_a_lost_ledger_causes_no_second_restoration(nested, measured):
    faces = write_photos(nested.inbox)
    first, found = run_and_rescan(nested)
    assert (len(first), found) == (PHOTOS, 0)

    for part in nested.places.state.glob("ledger.sqlite3*"):
        part.unlink()
    after_loss, found_after_loss = run_and_rescan(nested)

    middle = nested.places.ledger.stat().st_size // 2
    with nested.places.ledger.open("r+b") as file:
        file.seek(middle)
        file.write(random.Random(11).randbytes(8192))
    nested.write_settings(weights={"builtin": 0.5})  # other settings do not cause another run either
    after_damage, found_after_damage = run_and_rescan(nested, set_aside=1)

    assert after_loss == after_damage == first
    assert found_after_loss == found_after_damage == faces
    assert len(broken_ledgers(nested)) == 1
    measured(
        f"{len(first)} copies of {PHOTOS} photos, {len(after_loss)} after the ledger was deleted, "
        f"{len(after_damage)} after it was damaged: the same bytes; all {faces} with a face were recognised "
        "by their tags and decoded to their end, without another restoration"
    )
