"""Moved in.

Photos arrive by rename, by hard link, under a download's `.part` name, and as a whole folder tree to which
another photo is added afterwards.
"""

from __future__ import annotations

import os
import time

from facewatch.state.ledger import LedgerView
from tests.faults.photos import landscape

EXPECTED = [
    "downloaded.jpg",
    "linked.jpg",
    "moved.jpg",
    "tree/a.jpg",
    "tree/x/b.jpg",
    "tree/x/late.jpg",
    "tree/x/y/c.jpg",
]


def test_each_photo_has_one_copy_and_no_temporary_is_taken(daemon, tmp_path, measured):
    daemon.start()
    outside = tmp_path / "outside"
    (outside / "tree" / "x" / "y").mkdir(parents=True)
    for number, name in enumerate(
        ["moved.jpg", "linked.jpg", "tree/a.jpg", "tree/x/b.jpg", "tree/x/y/c.jpg"]
    ):
        (outside / name).write_bytes(landscape(number))
    (outside / "moved.jpg").rename(daemon.inbox / "moved.jpg")
    os.link(outside / "linked.jpg", daemon.inbox / "linked.jpg")
    (daemon.inbox / "downloaded.jpg.part").write_bytes(landscape(10))
    (outside / "tree").rename(daemon.inbox / "tree")
    (daemon.inbox / "tree" / "x" / "late.jpg").write_bytes(landscape(11))
    time.sleep(1.5)  # three times the settle time: long enough to take the temporary
    (daemon.inbox / "downloaded.jpg.part").rename(daemon.inbox / "downloaded.jpg")
    daemon.wait_for(lambda: daemon.outputs() == EXPECTED, "all copies")
    daemon.wait_for(lambda: daemon.counts()["no_faces"] == len(EXPECTED), "all photos to be finished")
    time.sleep(1.5)
    view = LedgerView(daemon.places.ledger)
    assert sum(view.counts().values()) == len(EXPECTED)
    assert max(job.turn for job in view.recent(100)) == len(EXPECTED)
    assert daemon.outputs() == EXPECTED
    measured(
        f"{len(EXPECTED)} photos, {len(EXPECTED)} jobs, {len(EXPECTED)} copies; the temporary was not taken"
    )
