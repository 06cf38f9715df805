"""What the inbox promises."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from facewatch import inbox as inbox_module
from facewatch.errors import DiskFull
from facewatch.inbox import Fingerprint, Inbox, Settled
from facewatch.ledger import Ledger


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Files:
    """Files that only `stat` knows."""

    sizes: dict[str, int] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    looks: int = 0

    def stat(self, name: str) -> os.stat_result:
        self.looks += 1
        if name not in self.sizes:
            raise FileNotFoundError(name)
        mode = self.modes.get(name, stat.S_IFREG | 0o644)
        times = {"st_mtime_ns": 5, "st_ctime_ns": 6}
        return os.stat_result((mode, 7, 1, 1, 0, 0, self.sizes[name], 0, 0, 0), times)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def inbox(clock, files) -> Inbox:
    return Inbox(5, clock=clock, stat=files.stat)


def names(settled: list[Settled]) -> list[str]:
    return [str(one.path) for one in settled]


def hand_over(inbox: Inbox) -> list[str]:
    with inbox.handing_over() as settled:
        return names(settled)


def fail_to_keep(inbox: Inbox) -> list[str]:
    handed: list[str] = []
    with contextlib.suppress(DiskFull), inbox.handing_over() as settled:
        handed += names(settled)
        raise DiskFull("the disk is full")
    return handed


def find(inbox: Inbox, clock: Clock, name: str = "/a.jpg") -> list[str]:
    """A scan finds the file in its place; what is handed over for it, in all the time it may have to wait."""
    inbox.put(Path(name), news=False)
    handed = hand_over(inbox)
    clock.now += 5
    return handed + hand_over(inbox)


def test_a_quiet_file_is_given_out_once_and_not_before_its_time(inbox, clock, files):
    files.sizes["/a.jpg"] = 9
    inbox.put(Path("/a.jpg"))
    assert inbox.settled() == []
    clock.now += 4.9
    assert inbox.settled() == []
    clock.now += 0.1
    assert inbox.settled() == [Settled(Path("/a.jpg"), Fingerprint(7, 9, 5, 6))]
    clock.now += 60
    assert inbox.settled() == []
    assert len(inbox) == 0


def test_a_file_still_growing_is_not_offered(inbox, clock, files):
    inbox.put(Path("/a.jpg"))
    for size in range(10):
        files.sizes["/a.jpg"] = size
        assert inbox.settled() == []
        clock.now += 5
    assert names(inbox.settled()) == ["/a.jpg"]


def test_more_events_do_not_make_a_quiet_file_wait_longer(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    for _ in range(5):
        inbox.put(Path("/a.jpg"))
        assert inbox.settled() == []
        clock.now += 1
    assert names(inbox.settled()) == ["/a.jpg"]


def test_an_event_while_the_file_is_looked_at_puts_it_in_again(clock, files):
    files.sizes["/a.jpg"] = 1

    def look(name: str) -> os.stat_result:
        status = files.stat(name)
        if files.looks == 2:
            inbox.put(Path(name))
        return status

    inbox = Inbox(5, clock=clock, stat=look)
    inbox.put(Path("/a.jpg"))
    inbox.settled()
    clock.now += 5
    assert names(inbox.settled()) == ["/a.jpg"]
    assert len(inbox) == 1


def test_what_vanished_or_is_no_regular_file_is_dropped(inbox, clock, files):
    for name, mode in {
        "/dir.jpg": stat.S_IFDIR,
        "/pipe.jpg": stat.S_IFIFO,
        "/there.jpg": stat.S_IFREG,
    }.items():
        files.sizes[name] = 0
        files.modes[name] = mode
        inbox.put(Path(name))
    inbox.put(Path("/never.jpg"))
    inbox.settled()
    assert len(inbox) == 1
    del files.sizes["/there.jpg"]
    clock.now += 5
    assert inbox.settled() == []
    assert len(inbox) == 0


def test_the_oldest_come_first_and_no_more_than_asked_for(inbox, clock, files):
    for number in range(10):
        files.sizes[f"/{number}.jpg"] = 1
        inbox.put(Path(f"/{number}.jpg"))
        inbox.settled()
        clock.now += 0.1
    clock.now += 4.9
    assert names(inbox.settled(limit=4)) == ["/0.jpg", "/1.jpg", "/2.jpg", "/3.jpg"]
    assert len(inbox) == 6


def test_a_share_can_be_given_more_time(inbox, clock, files):
    files.sizes = {"/near.jpg": 1, "/far.jpg": 1}
    inbox.put(Path("/far.jpg"), settle_seconds=30)
    inbox.put(Path("/near.jpg"))
    inbox.settled()
    clock.now += 5
    assert names(inbox.settled()) == ["/near.jpg"]
    for _ in range(24):
        clock.now += 1
        assert inbox.settled() == []
    clock.now += 1
    assert names(inbox.settled()) == ["/far.jpg"]


def test_a_share_never_shortens_the_time(clock, files):
    files.sizes = {"/far.jpg": 1}
    inbox = Inbox(4, clock=clock, stat=files.stat)
    inbox.put(Path("/far.jpg"), settle_seconds=3)
    inbox.settled()
    clock.now += 3.5
    assert inbox.settled() == []


def test_time_in_which_the_program_stood_still_does_not_count_as_quiet(inbox, clock, files):
    files.sizes = {"/a.jpg": 1, "/b.jpg": 1}
    inbox.put(Path("/a.jpg"))
    inbox.settled()
    clock.now += 3
    inbox.put(Path("/b.jpg"))
    inbox.settled()
    clock.now += 60  # the writer may have stood still just as long
    assert inbox.settled() == []
    clock.now += 4.9
    assert len(inbox) == 2
    assert inbox.settled() == []
    clock.now += 0.1
    assert sorted(names(inbox.settled())) == ["/a.jpg", "/b.jpg"]


def test_a_long_time_without_looks_does_count_while_the_program_runs(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    inbox.put(Path("/a.jpg"))
    inbox.settled()
    for _ in range(60):  # the one who looks is busy with a photo
        clock.now += 1
        assert len(inbox) == 1
    assert names(inbox.settled()) == ["/a.jpg"]


def test_a_hundred_thousand_waiting_files_are_not_looked_at_again_and_again(inbox, clock, files):
    for number in range(100_000):
        name = f"/{number}.jpg"
        files.sizes[name] = 1
        inbox.put(Path(name))
    while files.looks < 100_000:
        inbox.settled()
    for _ in range(1000):
        inbox.settled()
    assert files.looks == 100_000
    clock.now += 5
    assert len(inbox.settled(limit=1_000_000)) == 100_000
    assert files.looks == 200_000


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


def test_a_new_path_ends_the_wait(tmp_path):
    inbox = Inbox(60)
    began = time.monotonic()
    threading.Timer(0.05, inbox.put, [tmp_path / "a.jpg"]).start()
    inbox.wait(20)
    assert time.monotonic() - began < 10


def test_a_file_whose_time_is_up_ends_the_wait(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")
    inbox = Inbox(0.05)
    inbox.put(photo)
    began = time.monotonic()
    while not (settled := inbox.settled()):
        inbox.wait(20)
    assert settled == [Settled(photo, Fingerprint.of(photo.stat()))]
    assert time.monotonic() - began < 10


def test_a_wake_before_the_wait_counts():
    inbox = Inbox(5)
    inbox.wake()
    began = time.monotonic()
    inbox.wait(20)
    assert time.monotonic() - began < 10
