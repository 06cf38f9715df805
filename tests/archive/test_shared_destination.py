"""A destination that others may write: what they put there changes, reads and stops nothing."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")

from facewatch.archive import manifest, model_cache
from facewatch.archive.local_store import LocalStore
from facewatch.archive.publishing import Identity, publish
from facewatch.errors import BadCheckpoint, CannotWrite, StoreUnavailable
from facewatch.system.opened import sha256_of
from facewatch.worker.output import FinishedCopy

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX"),
    pytest.mark.timeout(60),
]
NOT_OURS = Identity("0" * 64, "another recipe")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "out").mkdir()
    return LocalStore(tmp_path / "out")


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder of the user that is no part of the archive."""
    folder = tmp_path / "home"
    (folder / "work").mkdir(parents=True)
    (folder / "work" / "thesis.txt").write_text("years of work")
    return folder


def copy_in(folder: Path, data: bytes = b"copy") -> FinishedCopy:
    file = folder / ".facewatch-1-a.tmp"
    file.write_bytes(data)
    return FinishedCopy(file, sha256_of(file), ".jpg")


@pytest.mark.parametrize("step", ["clean", "lock_path", "work_folder"])
@pytest.mark.parametrize("linked", [".facewatch", ".facewatch/work"])
def test_nothing_is_deleted_or_written_behind_a_link(store, private, tmp_path, step, linked):
    place = tmp_path / "out" / linked
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(private if linked == ".facewatch" else private / "work")
    if (linked, step) == (".facewatch/work", "lock_path"):
        assert store.lock_path() == tmp_path / "out" / ".facewatch" / "run.lock"
    else:
        with pytest.raises(CannotWrite, match="nothing is written through links"):
            store.work_folder("a") if step == "work_folder" else getattr(store, step)()
    assert [path.name for path in private.rglob("*")] == ["work", "thesis.txt"]


def test_what_killed_workers_left_is_removed(store, tmp_path):
    (store.work_folder("a") / "left.tmp").write_bytes(b"x")
    store.clean()
    assert not (tmp_path / "out/.facewatch/work").exists()


@pytest.mark.parametrize("kind", ["link", "pipe", "file"])
def test_a_temporary_that_others_replaced_is_neither_changed_nor_published(store, private, tmp_path, kind):
    secret = private / "work" / "thesis.txt"
    secret.chmod(0o600)
    copy = copy_in(store.work_folder("a"))
    copy.temporary.unlink()
    if kind == "link":
        copy.temporary.symlink_to(secret)
    elif kind == "pipe":
        os.mkfifo(copy.temporary)
    else:
        copy.temporary.write_bytes(b"evil")
    original = tmp_path / "a.jpg"
    original.write_bytes(b"photo")
    original.chmod(0o644)
    with pytest.raises(CannotWrite):
        publish(copy, "a.jpg", NOT_OURS, store, original)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert not os.path.lexists(tmp_path / "out" / "a.jpg")


@pytest.mark.parametrize("kind", ["pipe", "endless", "link to the same bytes", "folder"])
def test_what_is_no_file_is_not_taken_for_a_copy(store, tmp_path, kind):
    taken = tmp_path / "out" / "a.jpg"
    original = tmp_path / "a.jpg"
    original.write_bytes(b"copy")
    if kind == "pipe":
        os.mkfifo(taken)
    elif kind == "folder":
        taken.mkdir()
    else:
        taken.symlink_to("/dev/zero" if kind == "endless" else original)
    copy = copy_in(store.work_folder("a"))
    assert publish(copy, "a.jpg", NOT_OURS, store, original).name == "a (2).jpg"
    assert (tmp_path / "out" / "a (2).jpg").read_bytes() == b"copy"


def test_a_part_of_the_manifest_is_written_where_others_cannot_swap_it(store, private):
    secret = private / "work" / "thesis.txt"

    def write(path: Path) -> None:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert not path.is_relative_to(store.address)
        path.write_bytes(b"rows")

    assert manifest.write_new(store, ".facewatch/part", write)
    with store.open(".facewatch/part", own=True) as part:
        assert part.read() == b"rows"
    assert secret.read_text() == "years of work"


def test_a_model_is_not_kept_in_a_folder_of_another_user(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / f"facewatch-models-{os.getuid()}"
    assert model_cache._cache() == folder
    folder.chmod(0o777)
    with pytest.raises(BadCheckpoint, match="other users"):
        model_cache._cache()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(BadCheckpoint, match="other users"):
        model_cache._cache()


def test_a_name_whose_file_cannot_be_read_now_gets_no_second_copy(store, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(5, "Input/output error")  # a disk or a share; the file may be this photo's own copy

    (tmp_path / "out" / "a.jpg").write_bytes(b"copy")
    monkeypatch.setattr(store, "open", fail)
    with pytest.raises(StoreUnavailable, match="Input/output error"):
        publish(copy_in(store.work_folder("a")), "a.jpg", NOT_OURS, store, None)
    assert not (tmp_path / "out" / "a (2).jpg").exists()
