"""Copies found again.

The ledger is deleted, and of the copies of one photo in each format some are cut off at half their length, as
a full disk or another program leaves them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from facewatch.restoration.codecs import formats
from tests.daemon_process import DaemonProcess
from tests.faults.patches import PatchedDaemon
from tests.faults.photos import is_complete, noisy_portrait

pytestmark = pytest.mark.timeout(300)

FORMATS = tuple(row.name for row in formats.FORMATS if row.name != "bmp")  # a BMP has no tags
BELIEVE_TAGS = """
    import sys
    if "engine" in sys.orig_argv:
        import facewatch.engine.existing as existing
        assert callable(existing.decode) and callable(existing.lost_a_block)
        existing.decode = existing.lost_a_block = lambda *_: None
"""


def restored_in_every_format(home: Path, patch: str) -> DaemonProcess:
    """Return a stopped daemon that restored one photo into each format, and lost its ledger."""
    daemon = PatchedDaemon(home, patch)
    folders = []
    for number, name in enumerate(FORMATS):
        inbox = daemon.inbox / name
        inbox.mkdir()
        (inbox / "a.jpg").write_bytes(noisy_portrait(number, (90, 120, 90), (520, 520)))
        folders.append({"input": str(inbox), "output": str(daemon.output / name)})
    for name in FORMATS:
        daemon.write_settings(
            folders=folders[FORMATS.index(name) :][:1], output={"format": name, "heic": "heic"}
        )
        assert daemon.command("run", "--once", "--no-tray").returncode == 0
    daemon.write_settings(folders=folders)
    for part in daemon.places.state.glob("ledger.sqlite3*"):
        part.unlink()
    return daemon


def cut(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def lone_halves(daemon: DaemonProcess) -> list[str]:
    """Return the formats of which only half a copy is there."""
    return [name for name in FORMATS if not any(is_whole(copy) for copy in (daemon.output / name).iterdir())]


def is_whole(copy: Path) -> bool:
    if copy.suffix == ".heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    return is_complete(copy)


@pytest.mark.parametrize("halved", [True, False], ids=["half copies", "whole copies"])
def test_a_copy_counts_only_if_it_is_whole(tmp_path, halved, measured):
    daemon = restored_in_every_format(tmp_path, "")
    if halved:
        for name in FORMATS:
            cut(next((daemon.output / name).iterdir()))
    assert daemon.command("run", "--once", "--no-tray").returncode == 0
    assert lone_halves(daemon) == []
    copies = {name: len(list((daemon.output / name).iterdir())) for name in FORMATS}
    assert set(copies.values()) == {2 if halved else 1}
    if halved:
        measured(
            f"half a copy in {len(FORMATS)} formats: each photo restored again beside it; whole ones adopted"
        )


def test_this_check_finds_half_a_copy_that_counts(tmp_path):
    daemon = restored_in_every_format(tmp_path, BELIEVE_TAGS)
    for name in FORMATS:
        cut(next((daemon.output / name).iterdir()))
    daemon.command("run", "--once", "--no-tray")
    assert lone_halves(daemon) != []
