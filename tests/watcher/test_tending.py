"""The watcher's rounds, with a clock and an observer in hand."""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path

import pytest
from watchdog.events import DirCreatedEvent, FileDeletedEvent, FileMovedEvent, FileOpenedEvent

from facewatch.watcher import Watch, Watcher
from facewatch.watcher.events import Handler
from facewatch.watcher.roots import mount_of
from tests.watcher.fakes import Clock, FakeObserver, Offered


class Desk:
    """A watcher that is tended by hand."""

    def __init__(self, *watches: Watch, counted: int | None = None) -> None:
        self.clock, self.wall = Clock(), Clock(1e9)
        self.observers: list[FakeObserver] = []
        self.refuses: set[str] = set()
        self.offered, self.gone = Offered(), Offered()
        self.counted = counted
        self.watcher = Watcher(
            watches,
            self.offered,
            self.gone,
            300,
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


def test_where_no_observer_starts_the_roots_are_looked_through(desk, root):
    def refuse():
        raise OSError(24, "inotify instance limit reached")

    desk.watcher._observing._make_observer = refuse
    assert desk.tend() == [root / "a.jpg"]
    assert "degraded" in desk.watcher.problems()[0]
    assert desk.tend(31) == [root / "a.jpg"]


def test_a_bare_mount_point_is_offline(root, monkeypatch):
    mounted = {str(root)}
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) in mounted or str(path) == "/")
    desk = Desk(Watch(root))
    desk.tend()
    assert mount_of(root) == root
    mounted.clear()
    assert desk.tend(10) == []
    assert desk.watcher.online() == []
    mounted.add(str(root))
    assert desk.tend(10) == [root / "a.jpg"]
    assert desk.watcher.online() == [Watch(root)]


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


def test_stopping_twice_and_without_a_start_is_harmless(root):
    desk = Desk(Watch(root))
    desk.watcher.stop()
    desk.watcher.stop()
    assert not desk.watcher.running()
    assert not any(thread.name == "facewatch-watcher" for thread in threading.enumerate())
