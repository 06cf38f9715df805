"""Stores: what they list, and that a new file never replaces another."""

from __future__ import annotations

import os

import fsspec
import pytest

from facewatch.archive.store import open_store, require_apart
from facewatch.archive.types import name_of, text_of
from facewatch.errors import SourceGone, WrongUse
from facewatch.system.opened import sha256_of


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    if request.param == "local":
        yield open_store(str(tmp_path / "store"))
        return
    memory = fsspec.filesystem("memory")
    yield open_store("memory://archive/store")
    memory.store.clear()
    memory.pseudo_dirs.clear()


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


def test_an_address_that_nothing_understands_is_wrong_use():
    with pytest.raises(WrongUse, match="nonsense://x cannot be opened"):
        open_store("nonsense://x")


def test_a_destination_around_the_source_is_refused(tmp_path):
    (tmp_path / "in/photos").mkdir(parents=True)
    source = open_store(str(tmp_path / "in/photos"))
    for around in (tmp_path / "in", tmp_path / "in/photos"):
        with pytest.raises(WrongUse, match="lies in the destination"):
            require_apart(source, open_store(str(around)))
    require_apart(source, open_store(str(tmp_path / "input")))


def test_a_source_that_is_not_there_is_wrong_use(tmp_path):
    with pytest.raises(WrongUse, match="nowhere is not a folder"):
        require_apart(open_store(str(tmp_path / "nowhere")), open_store(str(tmp_path / "out")))


@pytest.mark.parametrize("name", ["a.jpg", "caf\udce9.jpg", "bytes:a.jpg", "ü/ö.jpg", "a%20b.jpg"])
def test_a_name_survives_its_text(name):
    text = text_of(name)
    text.encode("utf-8")
    assert name_of(text) == name
