"""The watcher's rounds, with a clock and an observer in hand."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

import pytest
from watchdog.events import DirCreatedEvent, FileDeletedEvent, FileMovedEvent, FileOpenedEvent

from facewatch.watcher import WatchedFolder
from facewatch.watcher.events import Handler
from tests.watcher.desk import Desk


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


def test_photos_that_cannot_be_looked_at_are_told_until_they_can(desk, root):
    for name in ("b.jpg", "c.jpg"):
        (root / name).write_bytes(b"x")
        desk.offered.refused[root / name] = "Permission denied"
    assert desk.tend() == [root / "a.jpg"]
    (problem,) = desk.watcher.problems()
    assert f"{root}: Permission denied (" in problem
    assert "and 1 more" in problem
    desk.offered.refused.clear()
    assert desk.tend(400) == [root / "a.jpg", root / "b.jpg", root / "c.jpg"]
    assert desk.watcher.problems() == []


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
    desk = Desk(WatchedFolder(root), WatchedFolder(tmp_path / "usb"))
    assert desk.watcher.scan() == 1
    assert desk.offered.paths == [root / "a.jpg"]
    assert desk.watcher.online() == [WatchedFolder(root)]
    assert "missing" in desk.watcher.problems()[0]
    assert desk.observers == []


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
    desk = Desk(WatchedFolder(root, outputs=(output,)))
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
    desk = Desk(WatchedFolder(root))
    desk.watcher.stop()
    desk.watcher.stop()
    assert not desk.watcher.running()
    assert not any(thread.name == "facewatch-watcher" for thread in threading.enumerate())
