"""The time at which a file counts as settled, and the waits of the inbox."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

from facewatch.system.fingerprint import Fingerprint, Settled
from facewatch.worker.inbox import Inbox
from tests.worker.inbox.fakes import ROOT, names, settled


def test_a_quiet_file_is_handed_over_once_and_not_before_its_time(inbox, clock, files):
    files.sizes["/a.jpg"] = 9
    inbox.put(ROOT, Path("/a.jpg"))
    assert settled(inbox) == []
    clock.now += 4.9
    assert settled(inbox) == []
    clock.now += 0.1
    assert settled(inbox) == [Settled(Path("/a.jpg"), Fingerprint(7, 9, 5, 6))]
    clock.now += 60
    assert settled(inbox) == []
    assert len(inbox) == 0


def test_a_file_still_growing_is_not_offered(inbox, clock, files):
    inbox.put(ROOT, Path("/a.jpg"))
    for size in range(10):
        files.sizes["/a.jpg"] = size
        assert settled(inbox) == []
        clock.now += 5
    assert names(settled(inbox)) == ["/a.jpg"]


def test_more_events_do_not_make_a_quiet_file_wait_longer(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    for _ in range(5):
        inbox.put(ROOT, Path("/a.jpg"))
        assert settled(inbox) == []
        clock.now += 1
    assert names(settled(inbox)) == ["/a.jpg"]


def test_an_event_during_a_look_puts_the_file_in_again(clock, files):
    files.sizes["/a.jpg"] = 1

    def look(name: str) -> os.stat_result:
        status = files.stat(name)
        if files.looks == 2:
            inbox.put(ROOT, Path(name))
        return status

    inbox = Inbox(5, clock=clock, stat=look)
    inbox.put(ROOT, Path("/a.jpg"))
    settled(inbox)
    clock.now += 5
    assert names(settled(inbox)) == ["/a.jpg"]
    assert len(inbox) == 1


def test_vanished_and_irregular_files_are_dropped(inbox, clock, files):
    for name, mode in {
        "/dir.jpg": stat.S_IFDIR,
        "/pipe.jpg": stat.S_IFIFO,
        "/there.jpg": stat.S_IFREG,
    }.items():
        files.sizes[name] = 0
        files.modes[name] = mode
        inbox.put(ROOT, Path(name))
    inbox.put(ROOT, Path("/never.jpg"))
    settled(inbox)
    assert len(inbox) == 1
    del files.sizes["/there.jpg"]
    clock.now += 5
    assert settled(inbox) == []
    assert len(inbox) == 0


def test_the_oldest_come_first_and_the_limit_holds(inbox, clock, files):
    for number in range(10):
        files.sizes[f"/{number}.jpg"] = 1
        inbox.put(ROOT, Path(f"/{number}.jpg"))
        settled(inbox)
        clock.now += 0.1
    clock.now += 4.9
    assert names(settled(inbox, limit=4)) == ["/0.jpg", "/1.jpg", "/2.jpg", "/3.jpg"]
    assert len(inbox) == 6


def test_a_file_on_a_share_can_wait_longer(inbox, clock, files):
    files.sizes = {"/near.jpg": 1, "/far.jpg": 1}
    inbox.put(ROOT, Path("/far.jpg"), settle_seconds=30)
    inbox.put(ROOT, Path("/near.jpg"))
    settled(inbox)
    clock.now += 5
    assert names(settled(inbox)) == ["/near.jpg"]
    for _ in range(24):
        clock.now += 1
        assert settled(inbox) == []
    clock.now += 1
    assert names(settled(inbox)) == ["/far.jpg"]


def test_a_file_on_a_share_never_waits_less(clock, files):
    files.sizes = {"/far.jpg": 1}
    inbox = Inbox(4, clock=clock, stat=files.stat)
    inbox.put(ROOT, Path("/far.jpg"), settle_seconds=3)
    settled(inbox)
    clock.now += 3.5
    assert settled(inbox) == []


def test_time_in_which_the_program_was_suspended_does_not_count_as_quiet(inbox, clock, files):
    files.sizes = {"/a.jpg": 1, "/b.jpg": 1}
    inbox.put(ROOT, Path("/a.jpg"))
    settled(inbox)
    clock.now += 3
    inbox.put(ROOT, Path("/b.jpg"))
    settled(inbox)
    clock.now += 60  # the writer may have been suspended as long
    assert settled(inbox) == []
    clock.now += 4.9
    assert len(inbox) == 2
    assert settled(inbox) == []
    clock.now += 0.1
    assert sorted(names(settled(inbox))) == ["/a.jpg", "/b.jpg"]


def test_a_long_time_without_looks_does_count_while_the_program_runs(inbox, clock, files):
    files.sizes["/a.jpg"] = 1
    inbox.put(ROOT, Path("/a.jpg"))
    settled(inbox)
    for _ in range(60):  # the worker is busy with a photo
        clock.now += 1
        assert len(inbox) == 1
    assert names(settled(inbox)) == ["/a.jpg"]


def test_a_hundred_thousand_waiting_files_are_looked_at_twice(inbox, clock, files):
    for number in range(100_000):
        name = f"/{number}.jpg"
        files.sizes[name] = 1
        inbox.put(ROOT, Path(name))
    while files.looks < 100_000:
        settled(inbox)
    for _ in range(1000):
        settled(inbox)
    assert files.looks == 100_000
    clock.now += 5
    assert len(settled(inbox, limit=1_000_000)) == 100_000
    assert files.looks == 200_000


def test_a_new_path_ends_the_wait(tmp_path):
    inbox = Inbox(60)
    began = time.monotonic()
    threading.Timer(0.05, inbox.put, [tmp_path, tmp_path / "a.jpg"]).start()
    inbox.wait(20)
    assert time.monotonic() - began < 10


def test_a_file_whose_time_is_up_ends_the_wait(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")
    inbox = Inbox(0.05)
    inbox.put(ROOT, photo)
    began = time.monotonic()
    while not (files := settled(inbox)):
        inbox.wait(20)
    assert files == [Settled(photo, Fingerprint.of(photo.stat()))]
    assert time.monotonic() - began < 10


def test_a_wake_before_the_wait_counts():
    inbox = Inbox(5)
    inbox.wake()
    began = time.monotonic()
    inbox.wait(20)
    assert time.monotonic() - began < 10
