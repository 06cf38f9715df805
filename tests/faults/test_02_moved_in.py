"""Moved in.

Photos come by rename, by hard link, by a download's `.part` name, and as a whole tree into which one more is
written afterwards.
"""

from __future__ import annotations

import os
import time

from facewatch.state.ledger import LedgerView
from tests.faults.photos import landscape

WANTED = [
    "downloaded.jpg",
    "linked.jpg",
    "moved.jpg",
    "tree/a.jpg",
    "tree/x/b.jpg",
    "tree/x/late.jpg",
    "tree/x/y/c.jpg",
]


def test_all_come_out_once_and_no_temporary_is_taken(daemon, tmp_path, measured):
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
    time.sleep(1.5)  # three times the settle time: the temporary has had every chance
    (daemon.inbox / "downloaded.jpg.part").rename(daemon.inbox / "downloaded.jpg")
    daemon.wait_for(lambda: daemon.outputs() == WANTED, "all copies")
    daemon.wait_for(lambda: daemon.counts()["no_faces"] == len(WANTED), "all ends")
    time.sleep(1.5)
    view = LedgerView(daemon.places.ledger)
    assert sum(view.counts().values()) == len(WANTED)
    assert max(job.turn for job in view.recent(100)) == len(WANTED)
    assert daemon.outputs() == WANTED
    measured(f"{len(WANTED)} photos, {len(WANTED)} jobs, {len(WANTED)} copies; the temporary was not taken")
