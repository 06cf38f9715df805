from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

import pytest

from facewatch.errors import CannotWrite, DiskFull, WrongUse
from facewatch.state import requests
from facewatch.state.requests import Request, parse, put, take_requests, watched_photo
from facewatch.system.paths import Places
from tests.pending_requests import take

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


def test_what_cannot_be_done_now_stays_and_holds_up_no_other(places):
    wishes = [Request("retry_failed"), Request("redo", Path("/in/a.jpg")), Request("quit", pid=PID)]
    for request in wishes:
        put(places, request)
    (places.requests / "0.json").write_bytes(b"{")
    (places.requests / "0.json.bad").mkdir()  # it cannot even be set aside
    done = []

    def act(request):
        if request.kind == "retry_failed":
            raise DiskFull("no space left for the ledger")
        done.append(request)

    for _ in range(2):
        with pytest.raises(CannotWrite, match=r"0\.json is no request and cannot be set aside"):
            take_requests(places, PID, act, set())
    assert done == wishes[1:]
    (places.requests / "0.json.bad").rmdir()
    assert take(places, PID) == wishes[:1]


def test_what_cannot_be_removed_is_done_once(places, monkeypatch):
    put(places, Request("retry_failed"))
    done, heeded = [], set()
    monkeypatch.setattr("facewatch.state.requests.remove_file", lambda _: False)
    for _ in range(3):
        take_requests(places, PID, done.append, heeded)
    assert done == [Request("retry_failed")]


def test_a_request_that_another_program_holds_for_a_moment_is_no_bad_one(places, monkeypatch):
    put(places, Request("retry_failed"))
    read, held = Path.read_text, [1, 1]

    def busy(path, *how):
        if held:
            held.pop()
            error = PermissionError(13, "The process cannot access the file")
            error.winerror = 32
            raise error
        return read(path, *how)

    monkeypatch.setattr(Path, "read_text", busy)
    assert take(places, PID) == [Request("retry_failed")]


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


@pytest.fixture
def photo(tmp_path):
    """A photo in the sub-folder of a watched folder."""
    photo = tmp_path / "in" / "1974" / "a.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"photo")
    return photo


def test_a_photo_is_spelled_as_its_watched_folder_is(tmp_path, photo):
    inbox = tmp_path / "in"
    (tmp_path / "link").symlink_to(inbox)
    (tmp_path / "out").mkdir()
    ways = ["in/1974/a.jpg", "out/../in/1974/a.jpg", "in/1974/../1974/a.jpg", "link/1974/a.jpg"]
    for root in (inbox, tmp_path / "link", tmp_path / "out" / ".." / "in"):
        for way in ways:
            assert watched_photo(tmp_path / way, [tmp_path / "elsewhere", root]) == (
                root,
                root / "1974" / "a.jpg",
            )


def test_of_watched_folders_in_each_other_the_innermost_has_the_photo(tmp_path, photo):
    (tmp_path / "link").symlink_to(photo.parent)
    roots = [tmp_path / "in", photo.parent, tmp_path / "link"]
    assert watched_photo(photo, roots) == (photo.parent, photo)
    assert watched_photo(tmp_path / "link" / "a.jpg", roots) == (roots[2], roots[2] / "a.jpg")


def test_no_other_folder_is_looked_at_for_a_photo_in_the_likely_one(tmp_path, photo, monkeypatch):
    looked_at = []
    monkeypatch.setattr(requests, "path_within", lambda _, root: looked_at.append(root) or Path())
    watched_photo(photo, [tmp_path / "hangs", tmp_path / "in", tmp_path / "hangs too" / "deep"])
    assert looked_at == [tmp_path / "in"]


def test_a_photo_that_is_itself_a_link_keeps_its_place(tmp_path, photo):
    linked = tmp_path / "in" / "b.jpg"
    linked.symlink_to(photo)
    assert watched_photo(linked, [tmp_path / "in"]) == (tmp_path / "in", linked)


@pytest.mark.parametrize("way", ["other.jpg", "in/../other.jpg", "in/1974/../../other.jpg", "in/link/a.jpg"])
def test_a_photo_beside_the_watched_folder_is_not_in_it(tmp_path, photo, way):
    (tmp_path / "other.jpg").write_bytes(b"photo")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").write_bytes(b"photo")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WrongUse, match=r"lies in no watched folder: use `facewatch restore`"):
        watched_photo(tmp_path / way, [tmp_path / "in"])


def test_what_is_no_photo_in_the_folder_is_told(tmp_path, photo):
    for name in ("notes.txt", "a", ".hidden.jpg", "a.jpg.part"):
        (tmp_path / "in" / name).write_bytes(b"words")
        with pytest.raises(WrongUse, match=r"is no photo by its name"):
            watched_photo(tmp_path / "in" / name, [tmp_path / "in"])
    with pytest.raises(WrongUse, match=r"1974 is a folder; name a photo in it"):
        watched_photo(photo.parent, [tmp_path / "in"])
    for name in ("b.jpg", "b" * 300 + ".jpg"):
        with pytest.raises(WrongUse, match=r"b\.jpg is not there, or cannot be reached"):
            watched_photo(tmp_path / "in" / name, [tmp_path / "in"])
