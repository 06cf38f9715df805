"""The system's trash."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from facewatch.errors import CannotWrite
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


def test_a_file_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(CannotWrite, match="remove it yourself"):
        move_to_trash(tmp_path / "missing.jpg")
