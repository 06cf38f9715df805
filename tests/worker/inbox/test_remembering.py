"""What the inbox remembers of the files it has handed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from facewatch.state.ledger import Ledger
from facewatch.worker import inbox as inbox_module
from facewatch.worker.inbox import Inbox
from tests.worker.inbox.standins import fail_to_keep, find, hand_over, names


def test_a_file_handed_over_before_costs_a_scan_one_look(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    assert find(inbox, clock) == ["/a.jpg"]
    looks = files.looks
    assert find(inbox, clock) == []
    inbox.put(Path("/a.jpg"), news=False)
    assert len(inbox) == 0
    assert files.looks == looks + 2


def test_a_scan_that_finds_it_changed_brings_it_again_once_it_is_quiet(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    find(inbox, clock)
    files.sizes["/a.jpg"] = 2
    inbox.put(Path("/a.jpg"), news=False)
    assert hand_over(inbox) == []
    clock.now += 4.9
    assert hand_over(inbox) == []
    clock.now += 0.1
    assert hand_over(inbox) == ["/a.jpg"]
    assert find(inbox, clock) == []


def test_an_event_brings_it_again_even_if_it_looks_the_same(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    find(inbox, clock)
    inbox.put(Path("/a.jpg"))
    assert find(inbox, clock) == ["/a.jpg"]


def test_a_scan_does_not_take_back_what_an_event_said(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    find(inbox, clock)
    inbox.put(Path("/a.jpg"))
    inbox.put(Path("/a.jpg"), news=False)
    assert find(inbox, clock) == ["/a.jpg"]


def test_what_is_forgotten_is_handed_over_again(inbox, clock, files):
    files.sizes = {"/a.jpg": 1, "/b.jpg": 1}
    for name in files.sizes:
        find(inbox, clock, name)
    inbox.forget(Path("/a.jpg"))
    assert find(inbox, clock, "/b.jpg") == []
    assert find(inbox, clock, "/a.jpg") == ["/a.jpg"]
    inbox.forget()
    assert find(inbox, clock, "/b.jpg") == ["/b.jpg"]
    assert find(inbox, clock, "/a.jpg") == ["/a.jpg"]


def test_what_could_not_be_kept_comes_again_at_the_next_call(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    inbox.put(Path("/a.jpg"))
    inbox.settled()
    clock.now += 5
    for _ in range(3):
        assert fail_to_keep(inbox) == ["/a.jpg"]
        assert len(inbox) == 1
    assert hand_over(inbox) == ["/a.jpg"]
    assert hand_over(inbox) == []
    assert find(inbox, clock) == []


def test_what_could_not_be_kept_waits_anew_if_it_has_changed(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    inbox.put(Path("/a.jpg"))
    inbox.settled()
    clock.now += 5
    fail_to_keep(inbox)
    files.sizes["/a.jpg"] = 2
    assert hand_over(inbox) == []
    clock.now += 5
    assert hand_over(inbox) == ["/a.jpg"]


@pytest.mark.parametrize("unhand", [Inbox.put, Inbox.forget, lambda inbox, _: inbox.forget()])
def test_what_is_taken_back_while_it_is_handed_over_is_not_remembered(inbox, clock, files, unhand):
    files.sizes["/a.jpg"] = 1
    inbox.put(Path("/a.jpg"))
    inbox.settled()
    clock.now += 5
    with inbox.handing_over() as settled:
        assert names(settled) == ["/a.jpg"]
        unhand(inbox, Path("/a.jpg"))
    assert find(inbox, clock) == ["/a.jpg"]


def test_no_more_is_remembered_than_there_is_memory_for(inbox, clock, files, monkeypatch):
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
    """Lets a scan find the file and takes it into the ledger, as the daemon does; returns what is queued."""
    files.sizes["/in/a.jpg"] = 1

    def queued(root: str = "/in"):
        for _ in range(2):
            inbox.put(Path("/in/a.jpg"), news=False)
            with inbox.handing_over() as settled:
                ledger.queue_many([(Path(root), item) for item in settled])
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
    inbox.put(started.path)
    assert queued() is not None


def test_a_photo_that_now_belongs_to_another_folder_is_queued_there(inbox, queued):
    assert queued("/") is not None
    assert queued("/in") is None
    inbox.forget()
    assert queued("/in") is not None


def test_a_file_that_cannot_be_looked_at_has_not_vanished_and_a_scan_hears_why(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    files.refused.add("/a.jpg")
    for _ in range(2):
        assert inbox.put("/a.jpg", news=False) == "Permission denied"
        assert len(inbox) == 0
    inbox.put("/a.jpg")
    assert hand_over(inbox) == []
    files.refused.clear()
    assert inbox.put("/a.jpg", news=False) == ""
    assert find(inbox, clock) == ["/a.jpg"]
    assert inbox.put("/gone.jpg", news=False) == ""
