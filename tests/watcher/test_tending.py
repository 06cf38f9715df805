"""The watcher's rounds, with a clock and an observer in hand."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
from pathlib import Path

import pytest
from watchdog.events import DirCreatedEvent, FileDeletedEvent, FileMovedEvent, FileOpenedEvent

from facewatch.mounts import Disks, Mount
from facewatch.watcher import Watch, Watcher
from facewatch.watcher.events import Handler
from tests.watcher.fakes import Clock, FakeObserver, Offered


class Desk:
    """A watcher that is tended by hand."""

    def __init__(self, *watches: Watch, counted: int | None = None) -> None:
        self.clock, self.wall = Clock(), Clock(1e9)
        self.observers: list[FakeObserver] = []
        self.refuses: set[str] = set()
        self.offered, self.gone = Offered(), Offered()
        self.counted = counted
        self.mounts = [Mount("/", "ext4")]
        self.notes: list[str] = []
        self.watcher = Watcher(
            watches,
            self.offered,
            self.gone,
            300,
            note=self.notes.append,
            disks=Disks(mounted=lambda: self.mounts, planned=set),
            clock=self.clock,
            wall=self.wall,
            make_observer=self._observer,
            count_watches=lambda: self.counted,
        )

    def _observer(self) -> FakeObserver:
        self.observers.append(FakeObserver(self.refuses))
        return self.observers[-1]

    def tend(self, seconds: float = 0.0) -> list[Path]:
        """Let time pass and tend; what was offered then."""
        self.clock.now += seconds
        self.wall.now += seconds
        self.offered.paths.clear()
        self.watcher.tend()
        return sorted(self.offered.paths)


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"x")
    return folder


@pytest.fixture
def desk(root) -> Desk:
    return Desk(Watch(root))


def test_everything_is_scanned_at_the_start_and_every_few_minutes(desk, root):
    assert desk.tend() == [root / "a.jpg"]
    assert desk.tend(200) == []
    assert desk.tend(176) == [root / "a.jpg"]


def test_what_a_scan_finds_is_no_news_and_what_comes_is(desk, root):
    desk.tend()
    assert not desk.offered.news
    desk.watcher.file_seen(root / "a.jpg")
    assert desk.offered.news
    desk.tend(376)
    assert not desk.offered.news
    desk.watcher.folder_seen(root)  # its files look as they did where it was before
    assert desk.tend() == [root / "a.jpg"]
    assert desk.offered.news


def test_a_scan_asked_for_is_made_but_not_one_after_the_other(desk, root):
    desk.tend()
    desk.watcher.rescan()
    assert desk.tend(0.5) == []
    assert desk.tend(2) == [root / "a.jpg"]
    assert desk.tend(2) == []


def test_after_sleep_everything_is_scanned(desk, root):
    desk.tend()
    desk.tend(5)
    desk.wall.now += 3600
    assert desk.tend(5) == [root / "a.jpg"]
    assert "slept" in desk.notes[0]
    assert "3600 s" in desk.notes[0]


def test_a_clock_put_back_is_told_and_everything_scanned(desk, root):
    desk.tend()
    desk.wall.now -= 86_400
    assert desk.tend(5) == [root / "a.jpg"]
    assert desk.notes == ["the clock was put back by 86400 s: everything is looked through"]


def test_after_a_standstill_everything_is_scanned(desk, root):
    desk.tend()
    desk.watcher._waited(0.5)
    assert desk.tend(5) == []
    desk.watcher._waited(60)
    assert desk.tend() == [root / "a.jpg"]
    assert desk.notes == ["facewatch stood still for 60 s: everything is looked through"]


def test_what_watchdog_complains_of_brings_a_scan(desk, root):
    desk.watcher.start()
    try:
        desk.offered.wait_for(root / "a.jpg")
        desk.offered.paths.clear()
        desk.clock.now += 3
        logging.getLogger("watchdog.observers.inotify_c").warning(
            "Inotify queue overflowed; events were lost"
        )
        desk.offered.wait_for(root / "a.jpg")
    finally:
        desk.watcher.stop()
    assert desk.notes == [
        "events may be lost (Inotify queue overflowed; events were lost): everything is looked through"
    ]
    handlers = logging.getLogger("watchdog").handlers
    assert handlers == []


def test_a_missing_root_is_offline_and_stops_no_other(desk, root, tmp_path):
    away = tmp_path / "usb"
    desk = Desk(Watch(away), Watch(root))
    assert desk.tend() == [root / "a.jpg"]
    assert desk.watcher.online() == [Watch(root)]
    (problem,) = desk.watcher.problems()
    assert str(away) in problem
    away.mkdir()
    (away / "b.jpg").write_bytes(b"x")
    assert desk.tend(10) == [away / "b.jpg"]
    assert desk.watcher.online() == [Watch(away), Watch(root)]
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
    assert desk.watcher.online() == [Watch(root)]
    assert [note.rpartition("/")[2] for note in desk.notes] == [
        "in: mount it, or plug it in: its photos wait until it is there",
        "in is watched again",
    ]


def test_a_share_is_degraded_polled_and_settles_slowly(desk, root):
    desk.tend()
    assert desk.offered.settle_seconds == 0
    desk.mounts.append(Mount(str(root.parent), "nfs4"))
    assert desk.tend(10) == [root / "a.jpg"]
    assert desk.offered.settle_seconds == 30
    assert "degraded" in desk.watcher.problems()[0]
    assert "nfs4" in desk.watcher.problems()[0]
    assert desk.watcher.online() == [Watch(root)]
    assert desk.tend(31) == [root / "a.jpg"]
    desk.offered.settle_seconds = 0
    desk.watcher.file_seen(root / "b.jpg")
    assert desk.offered.settle_seconds == 30
    desk.mounts[-1] = Mount(str(root.parent), "xfs")
    desk.tend(10)
    assert desk.watcher.problems() == []


def test_a_share_mounted_below_a_root_counts_unless_nothing_is_looked_for_in_it(root):
    desk = Desk(Watch(root, outputs=(root / "Restored",)))
    desk.mounts.append(Mount(str(root / "Restored"), "cifs"))
    desk.tend()
    assert desk.watcher.problems() == []
    desk.mounts.append(Mount(str(root / "nas"), "cifs"))
    desk.tend(10)
    assert "cifs" in desk.watcher.problems()[0]


def test_a_round_that_takes_long_is_not_made_so_often(desk, root):
    desk.refuses.add(str(root))
    desk.tend()
    look = desk.watcher._offer

    def slow(path: Path | str, settle_seconds: float, *, news: bool) -> None:
        desk.clock.now += 2
        look(path, settle_seconds, news=news)

    desk.watcher._offer = slow
    assert desk.tend(31) == [root / "a.jpg"]
    assert desk.tend(60) == []
    assert desk.tend(41) == [root / "a.jpg"]


def test_without_a_start_one_look_tells_what_is_there(root, tmp_path):
    desk = Desk(Watch(root), Watch(tmp_path / "usb"))
    assert desk.watcher.scan() == 1
    assert desk.offered.paths == [root / "a.jpg"]
    assert desk.watcher.online() == [Watch(root)]
    assert "missing" in desk.watcher.problems()[0]
    assert desk.observers == []


def test_a_root_without_events_is_degraded_and_looked_through_more_often(desk, root):
    desk.refuses.add(str(root))
    assert desk.tend() == [root / "a.jpg"]
    assert "degraded" in desk.watcher.problems()[0]
    assert desk.watcher.online() == [Watch(root)]
    assert desk.tend(10) == []
    assert desk.tend(21) == [root / "a.jpg"]
    desk.refuses.clear()
    desk.tend(10)
    assert desk.watcher.problems() == []


def test_fewer_watches_than_folders_are_degraded_when_seen_twice(root):
    for number in range(5):
        (root / f"{number}").mkdir()
    desk = Desk(Watch(root), counted=3)
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


def test_events_are_offered_by_the_rules_and_deletions_told(desk, root):
    handler = Handler(desk.watcher)
    handler.dispatch(FileMovedEvent(str(root / "b.jpg.part"), str(root / "b.jpg")))
    handler.dispatch(FileMovedEvent(str(root / "c.jpg"), str(root / "c.jpg.part")))
    handler.dispatch(FileOpenedEvent(str(root / "d.jpg")))
    assert desk.offered.paths == [root / "b.jpg"]
    handler.dispatch(FileDeletedEvent(str(root / "a.jpg")))  # and already there again
    handler.dispatch(FileDeletedEvent(str(root / "e.jpg")))
    desk.tend()
    assert desk.gone.paths == [root / "b.jpg.part", root / "c.jpg", root / "e.jpg"]


def test_a_folder_that_came_is_scanned_unless_it_is_none_of_ours(root):
    output = root / "out"
    desk = Desk(Watch(root, outputs=(output,)))
    desk.tend()
    for folder in (root / "x", root / ".trash", output):
        folder.mkdir()
        (folder / "b.jpg").write_bytes(b"x")
        Handler(desk.watcher).dispatch(DirCreatedEvent(str(folder)))
    assert desk.tend(0.1) == [root / "x" / "b.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make symlinks")
def test_a_link_to_a_folder_that_came_is_not_followed(desk, root, tmp_path):
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "b.jpg").write_bytes(b"x")
    desk.tend()
    (root / "album").symlink_to(tmp_path / "album", target_is_directory=True)
    Handler(desk.watcher).dispatch(DirCreatedEvent(str(root / "album")))
    assert desk.tend(0.1) == []


def test_stopping_twice_and_without_a_start_is_harmless(root):
    desk = Desk(Watch(root))
    desk.watcher.stop()
    desk.watcher.stop()
    assert not desk.watcher.running()
    assert not any(thread.name == "facewatch-watcher" for thread in threading.enumerate())
