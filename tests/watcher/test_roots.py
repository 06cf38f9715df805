"""Watched folders that are missing, replaced, on a share or without events."""

from __future__ import annotations

import shutil

from facewatch.system.mounts import Mount
from facewatch.watcher import WatchedFolder
from tests.watcher.watcher_harness import WatcherHarness


def test_a_missing_root_is_offline_and_does_not_stop_the_others(harness, root, tmp_path):
    missing = tmp_path / "usb"
    harness = WatcherHarness(WatchedFolder(missing), WatchedFolder(root))
    assert harness.run_round() == [root / "a.jpg"]
    assert harness.watcher.online() == [WatchedFolder(root)]
    (problem,) = harness.watcher.problems()
    assert str(missing) in problem
    missing.mkdir()
    (missing / "b.jpg").write_bytes(b"x")
    assert harness.run_round(10) == [missing / "b.jpg"]
    assert harness.watcher.online() == [WatchedFolder(missing), WatchedFolder(root)]
    assert harness.watcher.problems() == []


def test_a_root_that_was_replaced_is_watched_again(harness, root):
    harness.run_round()
    root.rename(root.with_name("elsewhere"))
    root.mkdir()
    (root / "new.jpg").write_bytes(b"x")
    assert harness.run_round(10) == [root / "new.jpg"]
    assert harness.observers[0].scheduled == [str(root)] * 2
    assert "was replaced" in harness.notes[0]


def test_a_root_that_was_deleted_is_noticed_at_once_by_its_event(harness, root):
    harness.run_round()
    shutil.rmtree(root)
    harness.watcher.vanished(root)
    harness.run_round(0.1)
    assert harness.watcher.online() == []
    assert harness.observers[0].emitters == set()


def test_a_root_whose_emitter_ended_is_watched_again(harness, root):
    harness.run_round()
    next(iter(harness.observers[0].emitters)).alive = False
    assert harness.run_round(10) == [root / "a.jpg"]
    assert [emitter.alive for emitter in harness.observers[0].emitters] == [True]


def test_a_dead_observer_is_replaced(harness, root):
    harness.run_round()
    harness.observers[0].alive = False
    assert harness.run_round(10) == [root / "a.jpg"]
    assert len(harness.observers) == 2
    assert harness.observers[1].scheduled == [str(root)]
    assert "observer" in harness.notes[0]


def test_without_an_observer_the_roots_are_scanned(harness, root):
    def refuse():
        raise OSError(24, "inotify instance limit reached")

    harness.watcher._supervisor._make_observer = refuse
    assert harness.run_round() == [root / "a.jpg"]
    assert "degraded" in harness.watcher.problems()[0]
    assert harness.run_round(31) == [root / "a.jpg"]


def test_a_bare_mount_point_is_offline(harness, root):
    disk = Mount(str(root), "ext4")
    harness.mounts.append(disk)
    assert harness.run_round() == [root / "a.jpg"]
    harness.mounts.remove(disk)
    assert harness.run_round(10) == []
    assert harness.watcher.online() == []
    assert f"not mounted at {root}" in harness.watcher.problems()[0]
    harness.watcher.rescan()
    assert harness.run_round(2) == []
    harness.mounts.append(disk)
    assert harness.run_round(10) == [root / "a.jpg"]
    assert harness.watcher.online() == [WatchedFolder(root)]
    assert [note.rpartition("/")[2] for note in harness.notes] == ["in is watched again"]


def test_a_share_that_does_not_answer_is_offline_and_does_not_stop_the_others(root, tmp_path):
    share = tmp_path / "share"
    share.mkdir()
    harness = WatcherHarness(WatchedFolder(share), WatchedFolder(root))
    harness.silent.add(str(share))
    assert harness.run_round() == [root / "a.jpg"]
    assert harness.watcher.online() == [WatchedFolder(root)]
    assert "does not answer" in harness.watcher.problems()[0]
    harness.silent.clear()
    (share / "b.jpg").write_bytes(b"x")
    assert harness.run_round(10) == [share / "b.jpg"]


def test_a_share_that_stops_answering_ends_only_its_scan(root):
    harness = WatcherHarness(WatchedFolder(root))
    for name in ("x", "y"):
        (root / name).mkdir()
    harness.mounts.append(Mount(str(root), "nfs4"))
    harness.silent |= {str(root / "x"), str(root / "y")}
    assert harness.run_round() == [root / "a.jpg"]
    (problem,) = [text for text in harness.watcher.problems() if "cannot read" in text]
    assert "does not answer" in problem


def test_a_share_is_degraded_polled_and_settles_slowly(harness, root):
    harness.run_round()
    assert harness.offered.settle_seconds == 0
    harness.mounts.append(Mount(str(root.parent), "nfs4"))
    assert harness.run_round(10) == [root / "a.jpg"]
    assert harness.offered.settle_seconds == 30
    assert "degraded" in harness.watcher.problems()[0]
    assert "nfs4" in harness.watcher.problems()[0]
    assert harness.watcher.online() == [WatchedFolder(root)]
    assert harness.run_round(31) == [root / "a.jpg"]
    harness.offered.settle_seconds = 0
    harness.watcher.file_seen(root / "b.jpg")
    assert harness.offered.settle_seconds == 30
    harness.mounts[-1] = Mount(str(root.parent), "xfs")
    harness.run_round(10)
    assert harness.watcher.problems() == []


def test_a_share_mounted_below_a_root_counts_unless_nothing_is_looked_for_in_it(root):
    harness = WatcherHarness(WatchedFolder(root, outputs=(root / "Restored",)))
    harness.mounts.append(Mount(str(root / "Restored"), "cifs"))
    harness.run_round()
    assert harness.watcher.problems() == []
    harness.mounts.append(Mount(str(root / "nas"), "cifs"))
    harness.run_round(10)
    assert "cifs" in harness.watcher.problems()[0]


def test_a_root_without_events_is_degraded_and_scanned_more_often(harness, root):
    harness.refuses.add(str(root))
    assert harness.run_round() == [root / "a.jpg"]
    assert "degraded" in harness.watcher.problems()[0]
    assert harness.watcher.online() == [WatchedFolder(root)]
    assert harness.run_round(10) == []
    assert harness.run_round(21) == [root / "a.jpg"]
    harness.refuses.clear()
    harness.run_round(10)
    assert harness.watcher.problems() == []


def test_fewer_watches_than_folders_are_degraded_when_seen_twice(root):
    for number in range(5):
        (root / f"{number}").mkdir()
    harness = WatcherHarness(WatchedFolder(root), counted=3)
    harness.run_round()
    assert harness.watcher.problems() == []
    harness.run_round(2)
    assert "3 of 6" in harness.watcher.problems()[0]
    assert harness.notes == []  # it still stands
    assert harness.run_round(31) == [root / "a.jpg"]
    harness.counted = 6
    harness.watcher.rescan()
    harness.run_round(2)
    assert harness.watcher.problems() == []


def test_a_folder_that_never_was_there_is_a_problem_and_nothing_that_was_resolved(tmp_path):
    harness = WatcherHarness(WatchedFolder(tmp_path / "never"))
    harness.run_round()
    harness.run_round(20)
    assert "is missing" in harness.watcher.problems()[0]
    assert harness.notes == []
