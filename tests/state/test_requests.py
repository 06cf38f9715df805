"""Requests to a running daemon, and the photos that they name."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from facewatch.errors import CannotWrite, DiskFull, WrongUse
from facewatch.restoration.options import FaceChoice
from facewatch.state import requests
from facewatch.state.requests import Request, parse, put, take_requests, watched_photo
from facewatch.system.paths import Places
from tests.pending_requests import take

PID = 77
IN = Path("/in").absolute()


@pytest.fixture
def places(tmp_path):
    return Places.under(tmp_path)


def test_requests_are_taken_once_and_in_order(places):
    requested = [
        Request("redo", IN / "a.jpg"),
        Request("redo", IN / "b.jpg", model="codeformer", weight=0.5),
        Request("retry_failed"),
        Request("quit", pid=PID),
    ]
    for request in requested:
        put(places, request)
    assert take(places, PID) == requested
    assert take(places, PID) == []
    assert list(places.requests.iterdir()) == []


def test_a_face_with_a_model_of_its_own_and_a_preview_arrive_as_they_were(places):
    face = FaceChoice((1.0, 2.0, 3.0, 4.0), 0.5, "codeformer")
    kept = FaceChoice((1.0, 2.0, 3.0, 4.0), None)
    requested = [
        Request("redo", IN / "a.jpg", faces=(face, kept)),
        Request("preview", IN / "a.jpg", "codeformer", faces=(kept,), preview="0123456789abcdef"),
        Request("undo", IN / "a.jpg"),
    ]
    for request in requested:
        put(places, request)
    assert take(places, PID) == requested


def test_without_a_folder_there_are_no_requests(places):
    assert take(places, PID) == []


def test_a_request_to_quit_does_not_reach_a_later_daemon(places):
    put(places, Request("quit", pid=76))
    put(places, Request("quit"))
    assert take(places, PID) == []


def test_a_path_that_is_not_utf8_survives(places):
    path = IN / "\udcff ä.jpg"
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
        b'{"kind": "redo", "path": "/a.jpg", "faces": [{"box": [1, 2, 3, 4], "weight": 0, "model": 1}]}',
        b'{"kind": "redo", "path": "/a.jpg", "faces": [{"box": [1, 2, 3, 4], "model": "builtin"}]}',
        b'{"kind": "undo"}',
        b'{"kind": "undo", "path": "a.jpg"}',
        b'{"kind": "preview", "path": "/a.jpg", "preview": "../../../a"}',
        b'{"kind": "preview", "path": "/a.jpg"}',
        b"[" * 60000,
        b" " * 70000 + b'{"kind": "retry_failed"}',
    ],
)
def test_an_invalid_request_is_set_aside_and_logged(places, caplog, content):
    places.requests.mkdir(parents=True)
    (places.requests / "1.json").write_bytes(content)
    put(places, Request("retry_failed"))
    with caplog.at_level(logging.WARNING):
        assert take(places, PID) == [Request("retry_failed")]
    assert "1.json is not a request" in caplog.text
    assert [file.name for file in places.requests.iterdir()] == ["1.json.bad"]
    caplog.clear()
    assert take(places, PID) == []
    assert not caplog.text


def test_a_folder_or_a_link_in_place_of_a_request_is_set_aside(places):
    (places.requests / "1.json").mkdir(parents=True)
    (places.requests / "2.json").symlink_to("/etc/hostname")
    assert take(places, PID) == []
    assert sorted(file.name for file in places.requests.iterdir()) == ["1.json.bad", "2.json.bad"]


def test_a_failed_request_stays_and_does_not_hold_up_the_others(places):
    waiting = [Request("retry_failed"), Request("redo", IN / "a.jpg"), Request("quit", pid=PID)]
    for request in waiting:
        put(places, request)
    (places.requests / "0.json").write_bytes(b"{")
    (places.requests / "0.json.bad").mkdir()  # so it cannot be set aside
    done = []

    def act(request):
        if request.kind == "retry_failed":
            raise DiskFull("no space left for the ledger")
        done.append(request)

    for _ in range(2):
        with pytest.raises(CannotWrite, match=r"0\.json is not a request and cannot be set aside"):
            take_requests(places, PID, act, set())
    assert done == waiting[1:]
    (places.requests / "0.json.bad").rmdir()
    assert take(places, PID) == waiting[:1]


def test_a_request_that_cannot_be_removed_is_done_once(places, monkeypatch):
    put(places, Request("retry_failed"))
    done, handled = [], set()
    monkeypatch.setattr("facewatch.state.requests.remove_file", lambda _: False)
    for _ in range(3):
        take_requests(places, PID, done.append, handled)
    assert done == [Request("retry_failed")]


def test_a_request_that_another_program_briefly_locks_is_not_set_aside(places, monkeypatch):
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


def test_a_half_written_request_is_never_read(places):
    stop, seen = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            seen.extend(take(places, PID))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(50):
        put(places, Request("redo", IN / f"{number}.jpg"))
    stop.set()
    reader.join()
    seen.extend(take(places, PID))
    assert [request.path.name for request in seen] == [f"{number}.jpg" for number in range(50)]


def test_only_the_owner_may_write_requests(places):
    put(places, Request("retry_failed"))
    assert places.requests.stat().st_mode & 0o777 == 0o700


def test_an_integer_is_a_valid_weight():
    assert parse({"kind": "redo", "path": str(IN / "a.jpg"), "weight": 1}).weight == 1.0


@pytest.fixture
def photo(tmp_path):
    """A photo in a sub-folder of a watched folder."""
    photo = tmp_path / "in" / "1974" / "a.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"photo")
    return photo


def test_a_photo_gets_the_path_below_its_watched_folder(tmp_path, photo):
    inbox = tmp_path / "in"
    (tmp_path / "link").symlink_to(inbox)
    (tmp_path / "out").mkdir()
    spellings = ["in/1974/a.jpg", "out/../in/1974/a.jpg", "in/1974/../1974/a.jpg", "link/1974/a.jpg"]
    for root in (inbox, tmp_path / "link", tmp_path / "out" / ".." / "in"):
        for spelling in spellings:
            assert watched_photo(tmp_path / spelling, [tmp_path / "elsewhere", root]) == (
                root,
                root / "1974" / "a.jpg",
            )


def test_a_photo_in_nested_watched_folders_belongs_to_the_innermost(tmp_path, photo):
    (tmp_path / "link").symlink_to(photo.parent)
    roots = [tmp_path / "in", photo.parent, tmp_path / "link"]
    assert watched_photo(photo, roots) == (photo.parent, photo)
    assert watched_photo(tmp_path / "link" / "a.jpg", roots) == (roots[2], roots[2] / "a.jpg")


def test_no_other_folder_is_read_for_a_photo_in_the_likely_one(tmp_path, photo, monkeypatch):
    checked = []
    monkeypatch.setattr(requests, "path_within", lambda _, root: checked.append(root) or Path())
    watched_photo(photo, [tmp_path / "hangs", tmp_path / "in", tmp_path / "hangs too" / "deep"])
    assert checked == [tmp_path / "in"]


def test_a_photo_that_is_a_link_keeps_its_path(tmp_path, photo):
    linked = tmp_path / "in" / "b.jpg"
    linked.symlink_to(photo)
    assert watched_photo(linked, [tmp_path / "in"]) == (tmp_path / "in", linked)


@pytest.mark.parametrize("path", ["other.jpg", "in/../other.jpg", "in/1974/../../other.jpg", "in/link/a.jpg"])
def test_a_photo_outside_the_watched_folder_is_refused(tmp_path, photo, path):
    (tmp_path / "other.jpg").write_bytes(b"photo")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").write_bytes(b"photo")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WrongUse, match=r"lies in no watched folder: use `facewatch restore`"):
        watched_photo(tmp_path / path, [tmp_path / "in"])


def test_a_path_that_is_not_a_photo_is_refused(tmp_path, photo):
    for name in ("notes.txt", "a", ".hidden.jpg", "a.jpg.part"):
        (tmp_path / "in" / name).write_bytes(b"words")
        with pytest.raises(WrongUse, match=r"is no photo by its name"):
            watched_photo(tmp_path / "in" / name, [tmp_path / "in"])
    with pytest.raises(WrongUse, match=r"1974 is a folder; name a photo in it"):
        watched_photo(photo.parent, [tmp_path / "in"])
    for name in ("b.jpg", "b" * 300 + ".jpg"):
        with pytest.raises(WrongUse, match=r"b\.jpg is not there, or cannot be reached"):
            watched_photo(tmp_path / "in" / name, [tmp_path / "in"])


def test_a_redo_carries_the_choices_for_faces_and_a_mark_its_marks(places):
    choices = (FaceChoice((1.0, 2.0, 3.0, 4.0), None), FaceChoice((5.0, 6.0, 7.0, 8.0), 0.5))
    photo = places.state / "a.jpg"
    requested = [
        Request("redo", photo, faces=choices, replace=True),
        Request("mark", photo, marks=("accepted", "favourite")),
        Request("mark", photo, marks=()),
    ]
    for request in requested:
        put(places, request)
    assert take(places, PID) == requested


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "redo", "path": "/a.jpg", "faces": "all"},
        {"kind": "redo", "path": "/a.jpg", "faces": [{"box": [1, 2, 3], "weight": 1}]},
        {"kind": "redo", "path": "/a.jpg", "faces": [{"box": [1, 2, 3, "x"], "weight": 1}]},
        {"kind": "redo", "path": "/a.jpg", "faces": [{"box": [1, 2, 3, float("nan")], "weight": 1}]},
        {"kind": "redo", "path": "/a.jpg", "faces": [{"box": [1, 2, 3, 4], "weight": 2}]},
        {"kind": "redo", "path": "/a.jpg", "faces": [{"box": [1, 2, 3, 4], "weight": True}]},
        {"kind": "redo", "path": "/a.jpg", "faces": [{"box": [1, 2, 3, 4]}]},
        {"kind": "redo", "path": "/a.jpg", "faces": [{"box": [1, 2, 3, 4], "weight": 1}] * 1000},
        {"kind": "mark", "path": "/a.jpg"},
        {"kind": "mark", "path": "/a.jpg", "marks": ["thrown"]},
        {"kind": "mark", "path": "/a.jpg", "marks": [["accepted"]]},
        {"kind": "mark", "path": "a.jpg", "marks": []},
        {"kind": "mark", "marks": []},
    ],
)
def test_wrong_choices_and_marks_are_no_requests(data):
    with pytest.raises(ValueError, match=r"faces|marks|path"):
        parse(data)
