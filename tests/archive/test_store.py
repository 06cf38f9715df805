"""Stores: what they list, and that a new file never replaces another."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

import pytest

from facewatch.archive.store import open_store, require_apart
from facewatch.archive.types import name_of, text_of
from facewatch.errors import SourceGone, StoreUnavailable, WrongUse
from facewatch.system.opened import sha256_of


@pytest.fixture(params=["local", "s3", "sftp"])
def store(request, tmp_path):
    """Return an empty store of each kind, on loopback."""
    if request.param == "local":
        return open_store(str(tmp_path / "store"))
    if request.param == "sftp":
        return open_store(request.getfixturevalue("sftp").address("store"))
    return open_store(f"{request.getfixturevalue('bucket')}/store")


@pytest.fixture(params=["s3", "sftp"])
def remote(request):
    """Return an empty store of each kind that is no folder."""
    if request.param == "sftp":
        return open_store(request.getfixturevalue("sftp").address("store"))
    return open_store(f"{request.getfixturevalue('bucket')}/store")


def put(store, tmp_path, name, data=b"data"):
    file = tmp_path / "new.tmp"
    file.write_bytes(data)
    return store.put_new(file, name, sha256_of(file))


def read(store, name):
    with store.open(name) as file:
        return file.read()


def test_a_new_file_never_replaces_another(store, tmp_path):
    assert put(store, tmp_path, "a/b/c.jpg", b"first")
    assert not put(store, tmp_path, "a/b/c.jpg", b"second")
    assert read(store, "a/b/c.jpg") == b"first"
    assert list(store.files()) == ["a/b/c.jpg"]


def test_photos_are_listed_with_their_folders_and_nothing_hidden(store, tmp_path):
    for name in ("a.jpg", "x/b.PNG", "x/.hidden/c.jpg", "notes.txt", "x/d.jpg.part", ".facewatch/e.jpg"):
        put(store, tmp_path, name)
    assert {photo.name for photo in store.photos()} == {"a.jpg", "x/b.PNG"}
    assert {photo.size_bytes for photo in store.photos()} == {4}
    assert len(set(store.files())) == 6


def test_files_below_a_folder_that_is_not_there_are_none(store):
    assert list(store.files(".facewatch/manifest")) == []


def test_a_photo_is_fetched_under_its_own_name(store, tmp_path):
    put(store, tmp_path, "x/b.jpg", b"photo")
    (tmp_path / "scratch").mkdir()
    path = store.fetch("x/b.jpg", tmp_path / "scratch")
    assert (path.name, path.read_bytes()) == ("b.jpg", b"photo")
    with pytest.raises(SourceGone):
        store.fetch("x/gone.jpg", tmp_path / "scratch")


def test_a_changed_photo_has_another_version(store, tmp_path):
    put(store, tmp_path, "a.jpg", b"one")
    before = [photo.version for photo in store.photos()]
    store.remove("a.jpg")
    put(store, tmp_path, "a.jpg", b"other")
    assert [photo.version for photo in store.photos()] != before


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_nothing_is_written_through_a_link_in_the_destination(tmp_path):
    store = open_store(str(tmp_path / "store"))
    (tmp_path / "store").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "store/x").symlink_to(tmp_path / "elsewhere")
    from facewatch.errors import CannotWrite

    with pytest.raises(CannotWrite, match="links"):
        put(store, tmp_path, "x/a.jpg")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_worker_that_was_faster_is_not_replaced(remote, tmp_path, monkeypatch):
    monkeypatch.setattr(type(remote), "exists", lambda *_: False)
    assert put(remote, tmp_path, "a.jpg", b"first")
    assert not put(remote, tmp_path, "a.jpg", b"second")
    assert read(remote, "a.jpg") == b"first"
    assert list(remote.files()) == ["a.jpg"]


def test_a_store_that_keeps_its_promise_is_taken_and_left_empty(remote):
    remote.require_exclusive(".facewatch/probe")
    assert list(remote.files()) == []


def test_a_store_that_replaces_files_is_refused(bucket, monkeypatch):
    store = open_store(f"{bucket}/out")
    put_file = store._connection.put_file
    monkeypatch.setattr(store._connection, "put_file", lambda file, name, mode: put_file(file, name))
    with pytest.raises(WrongUse, match="it replaces a file although it is asked not to"):
        store.require_exclusive(".facewatch/probe")
    assert list(store.files()) == []


def test_a_store_whose_protocol_promises_nothing_is_no_destination(tmp_path):
    with pytest.raises(WrongUse, match=r"choose a folder, s3, gs, az, sftp or smb"):
        open_store("http://127.0.0.1:9/photos").require_exclusive(".facewatch/probe")


def test_memory_is_refused_since_no_worker_sees_it():
    with pytest.raises(WrongUse, match="memory of one process"):
        open_store("memory://photos")


def test_a_server_whose_key_is_unknown_is_refused_without_the_password(sftp, tmp_path):
    (tmp_path / ".ssh/known_hosts").unlink()
    with pytest.raises(StoreUnavailable, match="connect once with ssh") as found:
        open_store(sftp.address("store"))
    assert "secret" not in str(found.value)


def test_a_connection_that_ended_is_made_again(sftp, tmp_path):
    store = open_store(sftp.address("store"))
    assert put(store, tmp_path, "a.jpg")
    sftp.drop()
    with suppress(StoreUnavailable):  # the first request may be the one that notices it
        store.exists("a.jpg")
    assert store.exists("a.jpg")


def test_threads_that_use_a_store_at_once_all_get_their_answers(remote, tmp_path):
    def use(number):
        file = tmp_path / f"{number}.tmp"
        file.write_bytes(b"data" * 1000)
        for each in range(5):
            assert remote.put_new(file, f"{number}-{each}.jpg", sha256_of(file))
            assert read(remote, f"{number}-{each}.jpg") == b"data" * 1000
        done.append(number)

    done = []
    threads = [threading.Thread(target=use, args=[number], daemon=True) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(done) == list(range(6))


def test_an_address_that_nothing_understands_is_wrong_use():
    with pytest.raises(WrongUse, match="nonsense://x cannot be opened"):
        open_store("nonsense://x")


@pytest.mark.parametrize(
    "destination", ["in", "in/photos", "in/photos/out", "link/out", "in/other/../photos"]
)
def test_source_and_destination_in_one_another_are_refused(tmp_path, destination):
    (tmp_path / "in/photos").mkdir(parents=True)
    (tmp_path / "link").symlink_to("in/photos")
    source = open_store(str(tmp_path / "in/photos"))
    with pytest.raises(WrongUse, match="lies in the"):
        require_apart(source, open_store(str(tmp_path / destination)))
    require_apart(source, open_store(str(tmp_path / "input")))


@pytest.mark.parametrize("name", ["store", "store/", "store/out", ""])
def test_addresses_in_one_another_are_refused(bucket, name):
    source = open_store(f"{bucket}/store")
    with pytest.raises(WrongUse, match="lies in the"):
        require_apart(source, open_store(f"{bucket}/{name}"))
    require_apart(source, open_store(f"{bucket}/store2"))


def test_a_file_is_no_destination(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").write_text("mine", "utf-8")
    with pytest.raises(WrongUse, match="out is not a folder"):
        require_apart(open_store(str(tmp_path / "in")), open_store(str(tmp_path / "out")))


def test_a_source_that_is_not_there_is_wrong_use(tmp_path):
    with pytest.raises(WrongUse, match="nowhere is not a folder"):
        require_apart(open_store(str(tmp_path / "nowhere")), open_store(str(tmp_path / "out")))


@pytest.mark.parametrize("name", ["a.jpg", "caf\udce9.jpg", "bytes:a.jpg", "ü/ö.jpg", "a%20b.jpg"])
def test_a_name_survives_its_text(name):
    text = text_of(name)
    text.encode("utf-8")
    assert name_of(text) == name
