"""When a file counts as settled, and how long the inbox waits."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

from facewatch.system.fingerprint import Fingerprint, Settled
from facewatch.worker.inbox import Inbox
from tests.worker.inbox.standins import names


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
