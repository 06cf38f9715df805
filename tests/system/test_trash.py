"""The system's trash."""

from __future__ import annotations

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
from facewatch.system.trash import move_to_trash
move_to_trash(Path(sys.argv[1]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the place of the trash is Linux's")
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
move_to_trash(file)
for data in sys.argv[2:]:  # others of the same name
    file.write_text(data)
    move_to_trash(file)
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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there it can be looked into")
def test_facewatch_brings_a_file_back_once(tmp_path):
    file, words = bring_back(tmp_path)
    assert file.read_bytes() == b"copy"
    assert words[0] == file.name
    assert "not in the trash" in words[1]
    assert [it for it in (tmp_path / "data").rglob("*") if it.is_file()] == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there it can be looked into")
def test_the_right_one_of_several_comes_back_and_replaces_nothing(tmp_path):
    file, words = bring_back(tmp_path, "second", "third")
    assert words[0] == "ä % photo (2).jpg"
    assert file.with_name(words[0]).read_bytes() == b"copy"
    assert file.read_text("utf-8") == "there by now"
    left = sorted(it.read_text("utf-8") for it in (tmp_path / "data/Trash/files").iterdir())
    assert left == ["second", "third"]


def test_a_file_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(CannotWrite, match="remove it yourself"):
        move_to_trash(tmp_path / "missing.jpg")


@pytest.mark.timeout(20)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there it can be looked into")
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
