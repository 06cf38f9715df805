"""The inbox's memory of files that it has handed over, and of watched roots."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from facewatch.errors import DiskFull
from facewatch.state.ledger import Ledger
from facewatch.worker import inbox as inbox_module
from facewatch.worker.inbox import Inbox
from tests.worker.inbox.fakes import ROOT, find, hand_over, hand_over_in_vain, names, settled


def test_a_file_handed_over_before_costs_a_scan_one_look(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    assert find(inbox, clock) == ["/a.jpg"]
    looks = files.looks
    assert find(inbox, clock) == []
    inbox.put(ROOT, Path("/a.jpg"), news=False)
    assert len(inbox) == 0
    assert files.looks == looks + 2


def test_a_scan_that_finds_it_changed_brings_it_again_once_it_is_quiet(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    find(inbox, clock)
    files.sizes["/a.jpg"] = 2
    inbox.put(ROOT, Path("/a.jpg"), news=False)
    assert hand_over(inbox) == []
    clock.now += 4.9
    assert hand_over(inbox) == []
    clock.now += 0.1
    assert hand_over(inbox) == ["/a.jpg"]
    assert find(inbox, clock) == []


def test_an_event_brings_it_again_even_if_it_looks_the_same(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    find(inbox, clock)
    inbox.put(ROOT, Path("/a.jpg"))
    assert find(inbox, clock) == ["/a.jpg"]


def test_a_scan_does_not_cancel_an_event(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    find(inbox, clock)
    inbox.put(ROOT, Path("/a.jpg"))
    inbox.put(ROOT, Path("/a.jpg"), news=False)
    assert find(inbox, clock) == ["/a.jpg"]


def test_a_forgotten_file_is_handed_over_again(inbox, clock, files):
    files.sizes = {"/a.jpg": 1, "/b.jpg": 1}
    for name in files.sizes:
        find(inbox, clock, name)
    inbox.forget(Path("/a.jpg"))
    assert find(inbox, clock, "/b.jpg") == []
    assert find(inbox, clock, "/a.jpg") == ["/a.jpg"]
    inbox.change_roots(lambda _: ROOT)
    assert find(inbox, clock, "/b.jpg") == ["/b.jpg"]
    assert find(inbox, clock, "/a.jpg") == ["/a.jpg"]


def test_files_that_the_ledger_could_not_take_come_again_at_the_next_call(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    inbox.put(ROOT, Path("/a.jpg"))
    settled(inbox)
    clock.now += 5
    for _ in range(3):
        assert hand_over_in_vain(inbox) == ["/a.jpg"]
        assert len(inbox) == 1
    assert hand_over(inbox) == ["/a.jpg"]
    assert hand_over(inbox) == []
    assert find(inbox, clock) == []


def test_a_file_that_the_ledger_could_not_take_waits_again_if_it_has_changed(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    inbox.put(ROOT, Path("/a.jpg"))
    settled(inbox)
    clock.now += 5
    hand_over_in_vain(inbox)
    files.sizes["/a.jpg"] = 2
    assert hand_over(inbox) == []
    clock.now += 5
    assert hand_over(inbox) == ["/a.jpg"]


@pytest.mark.parametrize(
    "take_back",
    [
        lambda inbox, path: inbox.put(ROOT, path),
        Inbox.forget,
        lambda inbox, _: inbox.change_roots(lambda _: ROOT),
    ],
)
def test_a_file_that_is_taken_back_while_it_is_handed_over_is_not_remembered(inbox, clock, files, take_back):
    files.sizes["/a.jpg"] = 1
    inbox.put(ROOT, Path("/a.jpg"))
    settled(inbox)
    clock.now += 5
    with inbox.handing_over() as pairs:
        assert names([file for _, file in pairs]) == ["/a.jpg"]
        take_back(inbox, Path("/a.jpg"))
    assert find(inbox, clock) == ["/a.jpg"]


def test_the_memory_for_files_is_limited(inbox, clock, files, monkeypatch):
    monkeypatch.setattr(inbox_module, "REMEMBERED", 2)
    files.sizes = {"/a.jpg": 1, "/b.jpg": 1, "/c.jpg": 1}
    for name in files.sizes:
        find(inbox, clock, name)
    assert find(inbox, clock, "/c.jpg") == []
    assert find(inbox, clock, "/a.jpg") == ["/a.jpg"]


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    yield ledger
    ledger.close()


@pytest.fixture
def queued(inbox, clock, files, ledger):
    """Let a scan find the file, take it into the ledger as the daemon does, and return the queued job."""
    files.sizes["/in/a.jpg"] = 1

    def queued(root: str = "/in"):
        for _ in range(2):
            inbox.put(Path(root), Path("/in/a.jpg"), news=False)
            with inbox.handing_over() as pairs:
                ledger.queue_many(pairs)
            clock.now += 5
        return ledger.next([Path(root)])

    return queued


def test_a_photo_deleted_and_back_as_it_was_is_queued_again(inbox, ledger, queued):
    assert queued() is not None
    ledger.gone(Path("/in/a.jpg"))
    assert queued() is None
    inbox.forget(Path("/in/a.jpg"))
    assert queued() is not None


def test_a_photo_lost_while_it_was_read_is_queued_again(inbox, ledger, queued):
    started = ledger.start(queued())
    ledger.lost(started, "it has vanished")
    assert queued() is None
    inbox.put(started.folder, started.path)
    assert queued() is not None


def test_a_photo_that_now_belongs_to_another_folder_is_queued_there(inbox, queued):
    assert queued("/") is not None
    assert queued("/in") is None
    inbox.change_roots(lambda _: Path("/in"))
    assert queued("/in") is not None


def test_a_scan_learns_why_a_file_cannot_be_read(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    files.refused.add("/a.jpg")
    for _ in range(2):
        assert inbox.put(ROOT, "/a.jpg", news=False) == "Permission denied"
        assert len(inbox) == 0
    inbox.put(ROOT, "/a.jpg")
    assert hand_over(inbox) == []
    files.refused.clear()
    assert inbox.put(ROOT, "/a.jpg", news=False) == ""
    assert find(inbox, clock) == ["/a.jpg"]
    assert inbox.put(ROOT, "/gone.jpg", news=False) == ""


INNER = Path("/inner")


def pairs_of(inbox: Inbox) -> list[tuple[Path, str]]:
    with inbox.handing_over() as pairs:
        return [(root, str(file.path)) for root, file in pairs]


def inner_or_none(path: Path) -> Path | None:
    return INNER if path.is_relative_to(INNER) else None


@pytest.mark.parametrize("looked_at", [False, True])
def test_a_change_of_the_watched_folders_reaches_waiting_files(inbox, clock, files, looked_at):
    files.sizes = {"/a.jpg": 1, "/inner/b.jpg": 1}
    for name in files.sizes:
        inbox.put(ROOT, name)
    if looked_at:
        settled(inbox)
    inbox.change_roots(inner_or_none)
    assert len(inbox) == 1
    found = pairs_of(inbox)
    clock.now += 5
    assert found + pairs_of(inbox) == [(INNER, "/inner/b.jpg")]
    assert len(inbox) == 0


@pytest.mark.parametrize("look", range(4))  # both files are looked at twice
def test_a_change_of_the_watched_folders_reaches_files_that_are_looked_at(clock, files, look):
    files.sizes = {"/a.jpg": 1, "/inner/b.jpg": 1}

    def stat(name):
        if files.looks == look:
            inbox.change_roots(inner_or_none)
        return files.stat(name)

    inbox = Inbox(5, clock=clock, stat=stat)
    for name in files.sizes:
        inbox.put(ROOT, name)
    found = pairs_of(inbox)
    clock.now += 5
    assert found + pairs_of(inbox) == [(INNER, "/inner/b.jpg")]
    assert len(inbox) == 0


def test_a_change_of_the_watched_folders_reaches_files_that_the_ledger_could_not_take(inbox, clock, files):
    files.sizes = {"/a.jpg": 1, "/inner/b.jpg": 1}
    for name in files.sizes:
        inbox.put(ROOT, name)
    settled(inbox)
    clock.now += 5
    with contextlib.suppress(DiskFull), inbox.handing_over():
        inbox.change_roots(inner_or_none)
        raise DiskFull("the disk is full")
    assert pairs_of(inbox) == [(INNER, "/inner/b.jpg")]


def test_a_waiting_file_that_another_root_offers_belongs_to_that_root(inbox, clock, files):
    files.sizes["/inner/b.jpg"] = 1
    inbox.put(ROOT, "/inner/b.jpg")
    settled(inbox)
    inbox.put(INNER, "/inner/b.jpg", news=False)
    clock.now += 5
    assert pairs_of(inbox) == [(INNER, "/inner/b.jpg")]
