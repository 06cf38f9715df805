"""Names that the terminal's encoding lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from facewatch.state.ledger import Ledger
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.paths import Places

LATIN_1 = "S\udcf6mmer.jpg"


@pytest.fixture
def failed(places: Places, inbox: Path) -> Path:
    """A photo that has failed, with a name from before UTF-8."""
    photo = inbox / LATIN_1
    photo.write_bytes(b"words")
    places.state.mkdir(parents=True)
    with closing(Ledger.open(places.ledger)) as ledger:
        ledger.queue(photo, inbox, Fingerprint.of(photo.stat()))
        job = ledger.start(ledger.next([inbox]))
        ledger.park(job, "it is no photo, 日本", "BadPhoto")
    return photo


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8:strict", r"in/S\udcf6mmer.jpg: it is no photo, 日本"),
        ("cp1252:strict", r"in/S\udcf6mmer.jpg: it is no photo, \u65e5\u672c"),
    ],
)
def test_status_shows_any_name(failed, encoding, shown):
    run = subprocess.run(
        [sys.executable, "-m", "facewatch", "status"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert run.stderr == b""
    assert shown in run.stdout.decode(encoding.partition(":")[0])
    assert run.returncode == 0


@pytest.mark.parametrize("command", ["compare", "demo", "redo", "restore"])
def test_an_error_shows_any_name(call, command):
    said = call(command, LATIN_1)
    assert r"S\udcf6mmer.jpg is not there" in said.err
    assert said.code == 2
