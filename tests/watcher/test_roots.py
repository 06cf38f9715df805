"""Folders that are away, replaced, on a share or without events."""

from __future__ import annotations

import shutil

from facewatch.system.mounts import Mount
from facewatch.watcher import WatchedFolder
from tests.watcher.desk import Desk


def test_a_missing_root_is_offline_and_stops_no_other(desk, root, tmp_path):
    away = tmp_path / "usb"
    desk = Desk(WatchedFolder(away), WatchedFolder(root))
    assert desk.tend() == [root / "a.jpg"]
    assert desk.watcher.online() == [WatchedFolder(root)]
    (problem,) = desk.watcher.problems()
    assert str(away) in problem
    away.mkdir()
    (away / "b.jpg").write_bytes(b"x")
    assert desk.tend(10) == [away / "b.jpg"]
    assert desk.watcher.online() == [WatchedFolder(away), WatchedFolder(root)]
    assert desk.watcher.problems() == []


def test_a_root_that_was_replaced_is_watched_anew(desk, root):
    desk.tend()
    root.rename(root.with_name("elsewhere"))
    root.mkdir()
    (root / "new.jpg").write_bytes(b"x")
    assert desk.tend(10) == [root / "new.jpg"]
    assert desk.observers[0].scheduled == [str(root)] * 2
    assert "was replaced" in desk.notes[0]


def test_a_root_that_was_deleted_is_noticed_at_once_by_its_event(desk, root):
    desk.tend()
    shutil.rmtree(root)
    desk.watcher.vanished(root)
    desk.tend(0.1)
    assert desk.watcher.online() == []
    assert desk.observers[0].emitters == set()


def test_a_root_whose_emitter_ended_is_watched_anew(desk, root):
    desk.tend()
    next(iter(desk.observers[0].emitters)).alive = False
    assert desk.tend(10) == [root / "a.jpg"]
    assert [emitter.alive for emitter in desk.observers[0].emitters] == [True]


def test_a_dead_observer_is_replaced(desk, root):
    desk.tend()
    desk.observers[0].alive = False
    assert desk.tend(10) == [root / "a.jpg"]
    assert len(desk.observers) == 2
    assert desk.observers[1].scheduled == [str(root)]
    assert "observer" in desk.notes[0]


def test_where_no_observer_starts_the_roots_are_looked_through(desk, root):
    def refuse():
        raise OSError(24, "inotify instance limit reached")

    desk.watcher._observing._make_observer = refuse
    assert desk.tend() == [root / "a.jpg"]
    assert "degraded" in desk.watcher.problems()[0]
    assert desk.tend(31) == [root / "a.jpg"]


def test_a_bare_mount_point_is_offline(desk, root):
    disk = Mount(str(root), "ext4")
    desk.mounts.append(disk)
    assert desk.tend() == [root / "a.jpg"]
    desk.mounts.remove(disk)
    assert desk.tend(10) == []
    assert desk.watcher.online() == []
    assert f"not mounted at {root}" in desk.watcher.problems()[0]
    desk.watcher.rescan()
    assert desk.tend(2) == []
    desk.mounts.append(disk)
    assert desk.tend(10) == [root / "a.jpg"]
    assert desk.watcher.online() == [WatchedFolder(root)]
    assert [note.rpartition("/")[2] for note in desk.notes] == [
        "in: mount it, or plug it in: its photos wait until it is there",
        "in is watched again",
    ]


def test_a_share_that_does_not_answer_is_offline_and_stops_no_other(root, tmp_path):
    share = tmp_path / "share"
    share.mkdir()
    desk = Desk(WatchedFolder(share), WatchedFolder(root))
    desk.silent.add(str(share))
    assert desk.tend() == [root / "a.jpg"]
    assert desk.watcher.online() == [WatchedFolder(root)]
    assert "does not answer" in desk.watcher.problems()[0]
    desk.silent.clear()
    (share / "b.jpg").write_bytes(b"x")
    assert desk.tend(10) == [share / "b.jpg"]


def test_a_share_that_falls_silent_under_a_scan_ends_the_scan_alone(root):
    desk = Desk(WatchedFolder(root))
    for name in ("x", "y"):
        (root / name).mkdir()
    desk.mounts.append(Mount(str(root), "nfs4"))
    desk.silent |= {str(root / "x"), str(root / "y")}
    assert desk.tend() == [root / "a.jpg"]
    (problem,) = [told for told in desk.watcher.problems() if "cannot read" in told]
    assert "does not answer" in problem


def test_a_share_is_degraded_polled_and_settles_slowly(desk, root):
    desk.tend()
    assert desk.offered.settle_seconds == 0
    desk.mounts.append(Mount(str(root.parent), "nfs4"))
    assert desk.tend(10) == [root / "a.jpg"]
    assert desk.offered.settle_seconds == 30
    assert "degraded" in desk.watcher.problems()[0]
    assert "nfs4" in desk.watcher.problems()[0]
    assert desk.watcher.online() == [WatchedFolder(root)]
    assert desk.tend(31) == [root / "a.jpg"]
    desk.offered.settle_seconds = 0
    desk.watcher.file_seen(root / "b.jpg")
    assert desk.offered.settle_seconds == 30
    desk.mounts[-1] = Mount(str(root.parent), "xfs")
    desk.tend(10)
    assert desk.watcher.problems() == []


def test_a_share_mounted_below_a_root_counts_unless_nothing_is_looked_for_in_it(root):
    desk = Desk(WatchedFolder(root, outputs=(root / "Restored",)))
    desk.mounts.append(Mount(str(root / "Restored"), "cifs"))
    desk.tend()
    assert desk.watcher.problems() == []
    desk.mounts.append(Mount(str(root / "nas"), "cifs"))
    desk.tend(10)
    assert "cifs" in desk.watcher.problems()[0]


def test_a_root_without_events_is_degraded_and_looked_through_more_often(desk, root):
    desk.refuses.add(str(root))
    assert desk.tend() == [root / "a.jpg"]
    assert "degraded" in desk.watcher.problems()[0]
    assert desk.watcher.online() == [WatchedFolder(root)]
    assert desk.tend(10) == []
    assert desk.tend(21) == [root / "a.jpg"]
    desk.refuses.clear()
    desk.tend(10)
    assert desk.watcher.problems() == []


def test_fewer_watches_than_folders_are_degraded_when_seen_twice(root):
    for number in range(5):
        (root / f"{number}").mkdir()
    desk = Desk(WatchedFolder(root), counted=3)
    desk.tend()
    assert desk.watcher.problems() == []
    desk.tend(2)
    assert "3 of 6" in desk.watcher.problems()[0]
    assert desk.notes == desk.watcher.problems()
    assert desk.tend(31) == [root / "a.jpg"]
    desk.counted = 6
    desk.watcher.rescan()
    desk.tend(2)
    assert desk.watcher.problems() == []
