"""The watcher with real events of the system."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.observers.polling import PollingObserver

from facewatch.watcher import WatchedFolder, Watcher
from facewatch.watcher.observer import watchdog_threads
from facewatch.watcher.roots import kernel_watches
from tests.watcher.fakes import GonePaths, OfferedPhotos, until

# watchdog 7.1 warns when a new folder is watched already; harmless, unless warnings are errors.
pytestmark = pytest.mark.filterwarnings("ignore:Callback with id:RuntimeWarning")


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def offered() -> OfferedPhotos:
    return OfferedPhotos()


@pytest.fixture
def gone() -> GonePaths:
    return GonePaths()


@pytest.fixture
def watcher(root, offered, gone, monkeypatch) -> Iterator[Watcher]:
    monkeypatch.setattr("facewatch.watcher.watcher.CHECK_SECONDS", 0.2)
    before = set(threading.enumerate())
    watcher = Watcher([WatchedFolder(root)], offered, gone)
    watcher.start()
    yield watcher
    watcher.stop()
    assert set(threading.enumerate()) <= before


def wait_for_first_scan(root: Path, offered: OfferedPhotos) -> None:
    """Return once the first scan is over."""
    (root / "first.jpg").write_bytes(b"x")
    offered.wait_for(root / "first.jpg")
    offered.paths.clear()


def test_existing_and_new_files_are_offered(tmp_path, watcher, root, offered):
    wait_for_first_scan(root, offered)
    (root / "b.jpg").write_bytes(b"x")
    offered.wait_for(root / "b.jpg")


def test_a_file_renamed_or_linked_into_the_folder_is_offered(tmp_path, watcher, root, offered):
    wait_for_first_scan(root, offered)
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(b"x")
    os.link(outside, root / "linked.jpg")
    outside.rename(root / "moved.jpg")
    offered.wait_for(root / "linked.jpg", root / "moved.jpg")


def test_a_download_is_offered_under_its_final_name_only(watcher, root, offered):
    wait_for_first_scan(root, offered)
    (root / "a.jpg.part").write_bytes(b"x")
    (root / "a.jpg.part").rename(root / "a.jpg")
    offered.wait_for(root / "a.jpg")
    assert root / "a.jpg.part" not in offered.paths


def test_a_tree_moved_in_is_offered_with_later_files(tmp_path, watcher, root, offered):
    wait_for_first_scan(root, offered)
    tree = tmp_path / "tree"
    (tree / "x" / "y").mkdir(parents=True)
    (tree / "a.jpg").write_bytes(b"x")
    (tree / "x" / "y" / "b.jpg").write_bytes(b"x")
    tree.rename(root / "tree")
    offered.wait_for(root / "tree" / "a.jpg", root / "tree" / "x" / "y" / "b.jpg")
    (root / "tree" / "x" / "late.jpg").write_bytes(b"x")
    offered.wait_for(root / "tree" / "x" / "late.jpg")


def test_files_in_new_folders_are_offered_however_fast_they_appear(watcher, root, offered):
    wait_for_first_scan(root, offered)
    expected = []
    for number in range(20):
        folder = root / f"{number}" / "x"
        folder.mkdir(parents=True)
        (folder / "a.jpg").write_bytes(b"x")
        expected.append(folder / "a.jpg")
    offered.wait_for(*expected)
    (root / "3" / "x" / "late.jpg").write_bytes(b"x")
    offered.wait_for(root / "3" / "x" / "late.jpg")


def test_a_deleted_file_is_reported(watcher, root, offered, gone):
    wait_for_first_scan(root, offered)
    (root / "first.jpg").unlink()
    gone.wait_for(root / "first.jpg")


def test_a_root_deleted_and_created_again_is_watched_again(watcher, root, offered):
    wait_for_first_scan(root, offered)
    shutil.rmtree(root)
    until(lambda: watcher.online() == [])
    assert "missing" in watcher.problems()[0]
    root.mkdir()
    until(lambda: watcher.online() == [WatchedFolder(root)])
    (root / "b.jpg").write_bytes(b"x")
    offered.wait_for(root / "b.jpg")


def test_a_root_deleted_and_created_again_at_once_is_watched_again(watcher, root, offered):
    wait_for_first_scan(root, offered)
    shutil.rmtree(root)
    root.mkdir()
    (root / "b.jpg").write_bytes(b"x")
    offered.wait_for(root / "b.jpg")
    (root / "x").mkdir()
    (root / "x" / "c.jpg").write_bytes(b"x")
    offered.wait_for(root / "x" / "c.jpg")


def test_a_renamed_root_reports_nothing_under_its_old_name(watcher, root, offered):
    wait_for_first_scan(root, offered)
    elsewhere = root.with_name("elsewhere")
    root.rename(elsewhere)
    until(lambda: watcher.online() == [])
    (elsewhere / "b.jpg").write_bytes(b"x")
    root.mkdir()
    (root / "c.jpg").write_bytes(b"x")
    offered.wait_for(root / "c.jpg")
    assert root / "b.jpg" not in offered.paths


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_observer_whose_reader_ended_is_replaced(watcher, root, offered):
    wait_for_first_scan(root, offered)
    readers = [thread for thread in watchdog_threads() if hasattr(thread, "handle_event")]
    if not readers:
        pytest.skip("this system's observer has no reader of its own")
    readers[0].handle_event = lambda event: sys.exit()
    (root / "missed.jpg").write_bytes(b"x")
    readers[0].join(15)
    offered.wait_for(root / "missed.jpg")
    (root / "seen.jpg").write_bytes(b"x")
    offered.wait_for(root / "seen.jpg")


@pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make symlinks")
def test_a_root_that_is_a_link_reports_its_own_name(tmp_path, root, offered, gone):
    (root / "sub").mkdir()
    link = tmp_path / "link"
    link.symlink_to(root)
    watcher = Watcher([WatchedFolder(link)], offered, gone)
    watcher.start()
    try:
        wait_for_first_scan(link, offered)
        for name in ("a.jpg", "sub/b.jpg"):
            (root / name).write_bytes(b"x")
        (root / "sub").rename(root / "moved")
        offered.wait_for(link / "a.jpg", link / "moved" / "b.jpg")
        (root / "a.jpg").unlink()
        gone.wait_for(link / "a.jpg")
        assert all(path.is_relative_to(link) for path in offered.paths)
    finally:
        watcher.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make symlinks")
def test_a_folder_watched_under_two_names_may_be_deleted(tmp_path, root, offered, gone, monkeypatch):
    monkeypatch.setattr("facewatch.watcher.watcher.CHECK_SECONDS", 0.2)
    (tmp_path / "link").symlink_to(root)
    watcher = Watcher([WatchedFolder(root), WatchedFolder(tmp_path / "link")], offered, gone)
    watcher.start()
    try:
        shutil.rmtree(root)
        until(lambda: watcher.online() == [])
        root.mkdir()
        until(lambda: len(watcher.online()) == 2)
        assert watcher.running()
    finally:
        watcher.stop()


def test_nested_roots_have_each_their_rules(tmp_path, root, offered, gone):
    inner = root / "inner"
    inner.mkdir()
    watcher = Watcher(
        [WatchedFolder(root, exclude=("*.png",)), WatchedFolder(inner, include=("*.png",))], offered, gone
    )
    watcher.start()
    try:
        wait_for_first_scan(root, offered)
        for folder in (root, inner):
            for suffix in ("jpg", "png"):
                (folder / f"a.{suffix}").write_bytes(b"x")
        (root / "last.jpg").write_bytes(b"x")
        offered.wait_for(root / "a.jpg", inner / "a.png", root / "last.jpg")
        assert inner / "a.jpg" not in offered.paths
        assert root / "a.png" not in offered.paths
        assert (offered.roots[root / "a.jpg"], offered.roots[inner / "a.png"]) == (root, inner)
    finally:
        watcher.stop()


def test_the_polling_observer_works_as_well(root, offered, gone):
    watcher = Watcher(
        [WatchedFolder(root)], offered, gone, make_observer=lambda: PollingObserver(timeout=0.1)
    )
    watcher.start()
    try:
        wait_for_first_scan(root, offered)
        (root / "b.jpg").write_bytes(b"x")
        offered.wait_for(root / "b.jpg")
    finally:
        watcher.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists its watches")
def test_the_kernels_list_counts_one_watch_a_folder(watcher, root, offered):
    wait_for_first_scan(root, offered)
    before = kernel_watches()
    assert before is not None
    for number in range(7):
        (root / f"{number}").mkdir()
    until(lambda: kernel_watches() == before + 7)
