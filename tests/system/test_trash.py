"""The system's trash."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys

import pytest

from facewatch.errors import CannotWrite
from facewatch.system import trash
from facewatch.system.trash import move_to_trash

CODE = """
import sys
from pathlib import Path
from facewatch.system.opened import sha256_of
from facewatch.system.trash import move_to_trash
file = Path(sys.argv[1])
assert move_to_trash(file, sha256_of(file, follow=False), file.parent)
"""


linux = pytest.mark.skipif(sys.platform != "linux", reason="its trash is a folder")


@linux
def test_a_file_in_the_trash_can_be_brought_back(tmp_path):
    file = tmp_path / "ä photo.jpg"
    file.write_bytes(b"copy")
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    subprocess.run([sys.executable, "-c", CODE, str(file)], check=True, env=environment)
    assert not file.exists()
    assert (tmp_path / "data/Trash/files/ä photo.jpg").read_bytes() == b"copy"
    assert "photo.jpg" in (tmp_path / "data/Trash/info/ä photo.jpg.trashinfo").read_text("utf-8")


BACK = """
import sys
from pathlib import Path
from facewatch.errors import CannotWrite
from facewatch.system.opened import sha256_of
from facewatch.system.trash import bring_back, find_in_trash, move_to_trash
file = Path(sys.argv[1])
sha256 = sha256_of(file, follow=False)
move_to_trash(file, sha256, file.parent)
for data in sys.argv[2:]:  # others of the same name
    file.write_text(data)
    move_to_trash(file, sha256_of(file, follow=False), file.parent)
if sys.argv[2:]:
    file.write_text("there by now")
print(bring_back(file, sha256).name)
try:
    bring_back(file, sha256)
except CannotWrite as error:
    print(error)
"""


def bring_back(tmp_path, *others):
    file = tmp_path / "ä % photo.jpg"
    file.write_bytes(b"copy")
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    command = [sys.executable, "-c", BACK, str(file), *others]
    run = subprocess.run(command, check=True, env=environment, capture_output=True, encoding="utf-8")
    return file, run.stdout.splitlines()


@linux
def test_facewatch_brings_a_file_back_once(tmp_path):
    file, words = bring_back(tmp_path)
    assert file.read_bytes() == b"copy"
    assert words[0] == file.name
    assert "not in the trash" in words[1]
    assert [it for it in (tmp_path / "data").rglob("*") if it.is_file()] == []


@linux
def test_the_right_one_of_several_comes_back_and_replaces_nothing(tmp_path):
    file, words = bring_back(tmp_path, "second", "third")
    assert words[0] == "ä % photo (2).jpg"
    assert file.with_name(words[0]).read_bytes() == b"copy"
    assert file.read_text("utf-8") == "there by now"
    left = sorted(it.read_text("utf-8") for it in (tmp_path / "data/Trash/files").iterdir())
    assert left == ["second", "third"]


@pytest.fixture
def own_trash(tmp_path, monkeypatch):
    """The user's trash, in a folder of the test's own."""
    folder = tmp_path / "Trash"
    monkeypatch.setattr(trash, "_trashes", lambda _: iter([(folder, tmp_path)]))
    return folder


def digest(data):
    return hashlib.sha256(data).hexdigest()


def test_a_file_that_is_gone_or_another_one_is_not_moved(tmp_path, own_trash):
    assert not move_to_trash(tmp_path / "missing.jpg", digest(b""), tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"edited")
    assert not move_to_trash(tmp_path / "a.jpg", digest(b"copy"), tmp_path)
    assert (tmp_path / "a.jpg").exists()
    assert not own_trash.exists()


@linux
def test_a_file_whose_disk_has_no_trash_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(trash, "_trashes", lambda _: iter(()))
    (tmp_path / "a.jpg").write_bytes(b"copy")
    with pytest.raises(CannotWrite, match="remove it yourself"):
        move_to_trash(tmp_path / "a.jpg", digest(b"copy"), tmp_path)
    assert (tmp_path / "a.jpg").exists()


@linux
@pytest.mark.parametrize("moment", ["before", "after the check"])
def test_an_original_behind_a_swapped_folder_never_goes_to_the_trash(
    tmp_path, own_trash, monkeypatch, moment
):
    originals, copies = tmp_path / "in", tmp_path / "out/sub"
    for folder in (originals, copies):
        folder.mkdir(parents=True)
        (folder / "a.jpg").write_bytes(b"the same bytes")

    def swap():
        copies.rename(tmp_path / "out/aside")
        copies.symlink_to(originals)

    def digest_and_swap(file, plain=trash.digest_opened):
        found = plain(file)
        swap()
        return found

    if moment == "before":
        swap()
    else:
        monkeypatch.setattr(trash, "digest_opened", digest_and_swap)
    moved = move_to_trash(copies / "a.jpg", digest(b"the same bytes"), tmp_path / "out")
    assert (originals / "a.jpg").exists()
    assert moved == (moment != "before")
    assert (tmp_path / "out/aside/a.jpg").exists() != moved
    assert (own_trash / "files/a.jpg").exists() == moved


@linux
@pytest.mark.parametrize("part", ["", "files", "info"])
def test_a_link_at_the_trash_of_a_shared_disk_leads_nowhere(tmp_path, monkeypatch, part):
    held, elsewhere = tmp_path / f".Trash-{os.getuid()}", tmp_path / "elsewhere"
    elsewhere.mkdir()
    if part:
        held.mkdir()
    (held / part).symlink_to(elsewhere)
    monkeypatch.setattr(trash, "_trashes", lambda _: iter([(held, tmp_path)]))
    (tmp_path / "a.jpg").write_bytes(b"copy")
    with pytest.raises(CannotWrite, match="not a folder of yours"):
        move_to_trash(tmp_path / "a.jpg", digest(b"copy"), tmp_path)
    assert (tmp_path / "a.jpg").exists()
    assert list(elsewhere.iterdir()) == []


@linux
def test_a_file_on_a_disk_that_is_mounted_twice_is_copied(tmp_path, own_trash, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(trash.os, "rename", refuse)
    file = tmp_path / "a.jpg"
    file.write_bytes(b"copy")
    file.chmod(0o640)
    assert move_to_trash(file, digest(b"copy"), tmp_path)
    assert not file.exists()
    held = own_trash / "files/a.jpg"
    assert (held.read_bytes(), held.stat().st_mode & 0o777) == (b"copy", 0o640)


@pytest.mark.timeout(20)
@linux
@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_a_trash_on_a_shared_disk_holds_nothing_up(tmp_path, monkeypatch, kind):
    info = tmp_path / "info"
    info.mkdir()
    if kind == "pipe":
        os.mkfifo(info / "a.trashinfo")
    else:
        (info / "a.trashinfo").symlink_to("/dev/zero")
    monkeypatch.setattr(trash, "_trashes", lambda _: iter([(tmp_path, tmp_path)]))
    assert trash.find_in_trash(tmp_path / "a.jpg", "0" * 64) is None
