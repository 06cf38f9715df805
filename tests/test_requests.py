from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

import pytest

from facewatch.files import Places
from facewatch.requests import Request, parse, put, take

PID = 77


@pytest.fixture
def places(tmp_path):
    return Places.under(tmp_path)


def test_what_is_put_is_taken_once_and_in_order(places):
    asked = [
        Request("redo", Path("/in/a.jpg")),
        Request("redo", Path("/in/b.jpg"), model="codeformer", weight=0.5),
        Request("retry_failed"),
        Request("quit", pid=PID),
    ]
    for request in asked:
        put(places, request)
    assert take(places, PID) == asked
    assert take(places, PID) == []
    assert list(places.requests.iterdir()) == []


def test_nothing_is_asked_where_there_is_no_folder(places):
    assert take(places, PID) == []


def test_a_request_to_quit_does_not_reach_a_later_daemon(places):
    put(places, Request("quit", pid=76))
    put(places, Request("quit"))
    assert take(places, PID) == []


def test_a_path_that_is_no_text_comes_through(places):
    path = Path(os.fsdecode(b"/in/\xff \xc3\xa4.jpg"))
    put(places, Request("redo", path))
    assert take(places, PID)[0].path == path


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"kind": "format the disk"}',
        b'{"kind": "redo"}',
        b'{"kind": "redo", "path": "a.jpg"}',
        b'{"kind": "redo", "path": 5}',
        b'{"kind": "redo", "path": "/a.jpg", "weight": 2}',
        b'{"kind": "redo", "path": "/a.jpg", "weight": NaN}',
        b'{"kind": "redo", "path": "/a.jpg", "weight": "much"}',
        b'{"kind": "redo", "path": "/a.jpg", "model": []}',
        b'{"kind": "redo", "path": "/a.jpg", "wait": 1}',
        b"[" * 60000,
        b" " * 70000 + b'{"kind": "retry_failed"}',
    ],
)
def test_what_is_no_request_is_set_aside_and_reported(places, caplog, content):
    places.requests.mkdir(parents=True)
    (places.requests / "1.json").write_bytes(content)
    put(places, Request("retry_failed"))
    with caplog.at_level(logging.WARNING):
        assert take(places, PID) == [Request("retry_failed")]
    assert "1.json is no request" in caplog.text
    assert [file.name for file in places.requests.iterdir()] == ["1.json.bad"]
    caplog.clear()
    assert take(places, PID) == []
    assert not caplog.text


def test_a_folder_or_a_link_in_place_of_a_request_is_set_aside(places):
    (places.requests / "1.json").mkdir(parents=True)
    (places.requests / "2.json").symlink_to("/etc/hostname")
    assert take(places, PID) == []
    assert sorted(file.name for file in places.requests.iterdir()) == ["1.json.bad", "2.json.bad"]


def test_half_a_file_is_never_seen(places):
    stop, seen = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            seen.extend(take(places, PID))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(50):
        put(places, Request("redo", Path(f"/in/{number}.jpg")))
    stop.set()
    reader.join()
    seen.extend(take(places, PID))
    assert [request.path.name for request in seen] == [f"{number}.jpg" for number in range(50)]


def test_only_its_owner_may_put_requests(places):
    put(places, Request("retry_failed"))
    assert places.requests.stat().st_mode & 0o777 == 0o700


def test_a_whole_number_is_a_weight_too():
    assert parse(json.loads('{"kind": "redo", "path": "/a.jpg", "weight": 1}')).weight == 1.0
