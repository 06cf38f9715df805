"""Own output: the copies lie inside the watched folder, and the ledger is lost.

The output folder lies below the watched root. After three scans the ledger is deleted, after three more it is
spoiled in its middle and the settings are changed, and three more follow.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from facewatch.errors import BadLedger
from facewatch.state.ledger import LedgerView
from facewatch.system.atomic import sha256_of
from facewatch.worker.existing_copies import REPORT
from tests.daemon_process import DaemonProcess
from tests.faults.photos import landscape, portrait

pytestmark = pytest.mark.timeout(600)

PHOTOS = 100
EVERY = 10  # one photo in so many has a face, and gets a copy that says so in its tags
RESCAN_SECONDS = 1.0
SCANS_SECONDS = 3 * 1.25 * RESCAN_SECONDS  # three scans, each at its latest


@pytest.fixture
def inside(daemon: DaemonProcess) -> DaemonProcess:
    """A daemon whose copies lie in the folder that it watches."""
    daemon.output = daemon.inbox / "Restored"
    daemon.write_settings(
        folders=[{"input": str(daemon.inbox), "output": str(daemon.output)}],
        watching={"settle_seconds": 0.3, "rescan_seconds": RESCAN_SECONDS},
        output={"format": "png"},  # so that a face that is left as it is gets a copy with tags too
    )
    return daemon


def album(folder: Path) -> int:
    """The photos, three of the same content among them; how many have a face."""
    (folder / "1974").mkdir()
    for number in range(PHOTOS - 5):
        photo = folder / "1974" / f"{number}.jpg" if number < 20 else folder / f"{number}.jpg"
        photo.write_bytes(portrait(number) if number % EVERY == 0 else landscape(number))
    for name in ("same 1.jpg", "same 2.jpg", "1974/same 3.jpg"):
        (folder / name).write_bytes(portrait(PHOTOS))
    (folder / "pair.jpg").write_bytes(portrait(PHOTOS + 1))  # both copies want to be pair.png
    (folder / "pair.jpeg").write_bytes(portrait(PHOTOS + 2))
    return len(range(0, PHOTOS - 5, EVERY)) + 5


def rested(daemon: DaemonProcess) -> tuple[dict[str, str], int]:
    """Run until all is worked off and scanned three times more: the copies, and how many were found again."""
    daemon.start()
    daemon.wait_for(lambda: ended(daemon) == PHOTOS, "all to come to an end", 240)
    time.sleep(SCANS_SECONDS)
    assert daemon.stop() == 0
    assert ended(daemon) == sum(daemon.counts().values()) == PHOTOS
    jobs = LedgerView(daemon.places.ledger).recent(10 * PHOTOS)
    assert {job.output for job in jobs} == {daemon.output / name for name in daemon.outputs()}
    return (
        {name: sha256_of(daemon.output / name) for name in daemon.outputs()},
        sum(job.report == REPORT for job in jobs),
    )


def ended(daemon: DaemonProcess) -> int:
    try:
        counts = daemon.counts()
    except BadLedger:  # it has not been set aside yet
        return 0
    return counts["done"] + counts["no_faces"]


def test_a_lost_ledger_restores_nothing_twice(inside, measured):
    faces = album(inside.inbox)
    first, found = rested(inside)
    assert (len(first), found) == (PHOTOS, 0)

    for part in inside.places.state.glob("ledger.sqlite3*"):
        part.unlink()
    after_loss, found_after_loss = rested(inside)

    middle = inside.places.ledger.stat().st_size // 2
    with inside.places.ledger.open("r+b") as file:
        file.seek(middle)
        file.write(random.Random(11).randbytes(8192))
    inside.write_settings(weights={"builtin": 0.5})  # nor does another recipe make anything anew
    after_damage, found_after_damage = rested(inside)

    assert after_loss == after_damage == first
    assert found_after_loss == found_after_damage == faces
    assert len(list(inside.places.state.glob("ledger.broken-*.sqlite3"))) == 1
    measured(
        f"{len(first)} copies of {PHOTOS} photos, {len(after_loss)} after the ledger was deleted, "
        f"{len(after_damage)} after it was spoiled: the same bytes; all {faces} with a face were known by "
        "their tags, without another run of the engine"
    )
