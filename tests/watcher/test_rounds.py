"""The watcher's rounds, with a fake clock and a fake observer."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

import pytest
from watchdog.events import DirCreatedEvent, FileDeletedEvent, FileMovedEvent, FileOpenedEvent

from facewatch.watcher import WatchedFolder
from facewatch.watcher.events import EventHandler
from tests.watcher.watcher_harness import WatcherHarness


def test_everything_is_scanned_at_the_start_and_every_few_minutes(harness, root):
    assert harness.run_round() == [root / "a.jpg"]
    assert harness.run_round(200) == []
    assert harness.run_round(176) == [root / "a.jpg"]


def test_a_photo_found_by_a_scan_is_no_news_and_a_new_one_is(harness, root):
    harness.run_round()
    assert not harness.offered.news
    harness.watcher.file_seen(root / "a.jpg")
    assert harness.offered.news
    harness.run_round(376)
    assert not harness.offered.news
    harness.watcher.folder_seen(root)  # a moved folder's files look as before
    assert harness.run_round() == [root / "a.jpg"]
    assert harness.offered.news


def test_a_requested_scan_is_made_but_not_one_after_the_other(harness, root):
    harness.run_round()
    harness.watcher.rescan()
    assert harness.run_round(0.5) == []
    assert harness.run_round(2) == [root / "a.jpg"]
    assert harness.run_round(2) == []


def test_photos_that_cannot_be_read_are_reported_until_they_can(harness, root):
    for name in ("b.jpg", "c.jpg"):
        (root / name).write_bytes(b"x")
        harness.offered.refused[root / name] = "Permission denied"
    assert harness.run_round() == [root / "a.jpg"]
    (problem,) = harness.watcher.problems()
    assert f"{root}: Permission denied (" in problem
    assert "and 1 more" in problem
    harness.offered.refused.clear()
    assert harness.run_round(400) == [root / "a.jpg", root / "b.jpg", root / "c.jpg"]
    assert harness.watcher.problems() == []


def test_after_sleep_everything_is_scanned(harness, root):
    harness.run_round()
    harness.run_round(5)
    harness.wall.now += 3600
    assert harness.run_round(5) == [root / "a.jpg"]
    assert "slept" in harness.notes[0]
    assert "3600 s" in harness.notes[0]


def test_a_clock_put_back_is_reported_and_everything_scanned(harness, root):
    harness.run_round()
    harness.wall.now -= 86_400
    assert harness.run_round(5) == [root / "a.jpg"]
    assert harness.notes == ["the clock was put back by 86400 s; all folders are scanned"]


def test_after_a_suspension_everything_is_scanned(harness, root):
    harness.run_round()
    harness.watcher._check_overrun(0.5)
    assert harness.run_round(5) == []
    harness.watcher._check_overrun(60)
    assert harness.run_round() == [root / "a.jpg"]
    assert harness.notes == ["facewatch was suspended for 60 s; all folders are scanned"]


def test_a_warning_of_watchdog_starts_a_scan(harness, root):
    harness.watcher.start()
    try:
        harness.offered.wait_for(root / "a.jpg")
        harness.offered.paths.clear()
        harness.clock.now += 3
        logging.getLogger("watchdog.observers.inotify_c").warning(
            "Inotify queue overflowed; events were lost"
        )
        harness.offered.wait_for(root / "a.jpg")
    finally:
        harness.watcher.stop()
    assert harness.notes == [
        "events may be lost (Inotify queue overflowed; events were lost); all folders are scanned"
    ]
    handlers = logging.getLogger("watchdog").handlers
    assert handlers == []


def test_a_slow_scan_is_made_less_often(harness, root):
    harness.refuses.add(str(root))
    harness.run_round()
    offer = harness.watcher._offer

    def slow(root: Path, path: Path | str, settle_seconds: float, *, news: bool) -> str:
        harness.clock.now += 2
        return offer(root, path, settle_seconds, news=news)

    harness.watcher._offer = slow
    assert harness.run_round(31) == [root / "a.jpg"]
    assert harness.run_round(60) == []
    assert harness.run_round(41) == [root / "a.jpg"]


def test_a_scan_without_a_start_offers_the_photos_once(root, tmp_path):
    harness = WatcherHarness(WatchedFolder(root), WatchedFolder(tmp_path / "usb"))
    assert harness.watcher.scan() == 1
    assert harness.offered.paths == [root / "a.jpg"]
    assert harness.watcher.online() == [WatchedFolder(root)]
    assert "missing" in harness.watcher.problems()[0]
    assert harness.observers == []


def test_events_are_offered_by_the_rules_and_deletions_reported(harness, root):
    handler = EventHandler(harness.watcher)
    handler.dispatch(FileMovedEvent(str(root / "b.jpg.part"), str(root / "b.jpg")))
    handler.dispatch(FileMovedEvent(str(root / "c.jpg"), str(root / "c.jpg.part")))
    handler.dispatch(FileOpenedEvent(str(root / "d.jpg")))
    assert harness.offered.paths == [root / "b.jpg"]
    handler.dispatch(FileDeletedEvent(str(root / "a.jpg")))  # and already there again
    handler.dispatch(FileDeletedEvent(str(root / "e.jpg")))
    harness.run_round()
    assert harness.gone.paths == [root / "b.jpg.part", root / "c.jpg", root / "e.jpg"]


def test_a_new_folder_is_scanned_unless_it_is_ignored(root):
    output = root / "out"
    harness = WatcherHarness(WatchedFolder(root, outputs=(output,)))
    harness.run_round()
    for folder in (root / "x", root / ".trash", output):
        folder.mkdir()
        (folder / "b.jpg").write_bytes(b"x")
        EventHandler(harness.watcher).dispatch(DirCreatedEvent(str(folder)))
    assert harness.run_round(0.1) == [root / "x" / "b.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make symlinks")
def test_a_new_link_to_a_folder_is_not_followed(harness, root, tmp_path):
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "b.jpg").write_bytes(b"x")
    harness.run_round()
    (root / "album").symlink_to(tmp_path / "album", target_is_directory=True)
    EventHandler(harness.watcher).dispatch(DirCreatedEvent(str(root / "album")))
    assert harness.run_round(0.1) == []


def test_a_watcher_that_was_stopped_offers_nothing_more(harness, root):
    (root / "b.jpg").write_bytes(b"x")
    offer = harness.watcher._offer

    def stop_at_the_first(*photo, **how):
        harness.watcher.stop()  # as a change of settings does, while a share delays the scan
        return offer(*photo, **how)

    harness.watcher._offer = stop_at_the_first
    assert len(harness.run_round()) == 1


def test_stopping_twice_and_without_a_start_is_harmless(root):
    harness = WatcherHarness(WatchedFolder(root))
    harness.watcher.stop()
    harness.watcher.stop()
    assert not harness.watcher.running()
    assert not any(thread.name == "facewatch-watcher" for thread in threading.enumerate())
