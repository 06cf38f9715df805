"""An installation of version 0.1.0, as it lay on a disk, put down in a folder of its own.

`0.1.0/home` was made by version 0.1.0 itself. Its daemon restored small photos with the built-in model, was
paused, and was killed while a photo was in the engine and at three moments of giving a copy its name; its
engine was killed once; a photo was deleted, a copy dropped in. `facewatch models add`, `models accept`, a
`models pull` that was cut off, `redo` and `retry` did the rest. Only the failures by a dead engine were
written by calls of its ledger, since a daemon takes minutes for them. Later code cannot make it again.

The text files hold placeholders for what differs from machine to machine:

    {HOME}            the folder itself
    {MIRROR}          the address where model files are looked for first
    {seen PATH}       inode, size and times of a photo, as the ledger keeps them
    {inode PATH}, {mtime_ns PATH}   of a model's file

The ledger is kept as SQL text and becomes a database here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

EARLIER = Path(__file__).parent / "0.1.0"
PLACEHOLDER = re.compile(r"\{(HOME|MIRROR|seen|inode|mtime_ns)(?: ([^}]+))?\}")
NOWHERE = "http://127.0.0.1:9"  # refuses every connection, so that no test reaches the network
INPUTS = ("in", "scans", "portraits", "letters", "albums", "elsewhere")
OUTPUTS = ("out", "scans-out", "portraits-out", "letters-out", "albums-out")
COPIES = {
    "out/1974/Großmutter-restored.jpg",
    "out/known by its copy-restored.jpg",
    "out/noise-restored.jpg",
    "out/second-restored (2).jpg",
    "out/second-restored.jpg",
    "out/third-restored.jpg",
    "portraits-out/aunt-restored.jpg",
    "scans-out/named-restored.jpg",
}
"""The finished copies that version 0.1.0 made."""

EMPTY_FOLDERS = ("albums",)  # git keeps none


class Installation:
    """One home folder, the commands run in it, and what lies in it."""

    def __init__(self, home: Path, *, mirror: str = NOWHERE) -> None:
        self.home = home
        self.mirror = mirror

    @classmethod
    def of_version_0_1_0(cls, home: Path, *, requests: bool = False, mirror: str = NOWHERE) -> Installation:
        """Put the earlier installation down in `home`, with or without the requests that wait in it."""
        shutil.copytree(EARLIER / "home", home)
        installation = cls(home, mirror=mirror)
        for name in EMPTY_FOLDERS:
            (home / name).mkdir()
        if not requests:
            shutil.rmtree(home / "state" / "requests")
        for file in home.rglob("*"):
            if file.suffix in {".toml", ".json", ".sql"}:
                file.write_text(installation.filled(file.read_text("utf-8")), "utf-8")
        script = home / "state" / "ledger.sql"
        with closing(installation.ledger()) as ledger:
            ledger.execute("PRAGMA journal_mode = WAL")
            ledger.executescript(script.read_text("utf-8"))
        script.unlink()
        return installation

    def filled(self, text: str) -> str:
        """Put this machine's values in the place of the placeholders."""
        return PLACEHOLDER.sub(self._value, text)

    def _value(self, placeholder: re.Match[str]) -> str:
        kind, path = placeholder.groups()
        if kind in {"HOME", "MIRROR"}:
            return str(self.home) if kind == "HOME" else self.mirror
        status = (self.home / path).stat()
        if kind == "seen":
            return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
        return str(status.st_ino if kind == "inode" else status.st_mtime_ns)

    def expected(self, name: str) -> Any:
        """Return what version 0.1.0 said, from `0.1.0/NAME.json`."""
        return json.loads(self.filled((EARLIER / f"{name}.json").read_text("utf-8")))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a facewatch command; what it prints is collected."""
        return subprocess.Popen(
            [sys.executable, "-m", "facewatch", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env={
                **os.environ,
                "FACEWATCH_HOME": str(self.home),
                "HTTPS_PROXY": NOWHERE,
                "NO_PROXY": "127.0.0.1",
            },
        )

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run a facewatch command, which has to end with `code`, and return what it printed."""
        with self.start(*arguments) as process:
            try:
                printed = process.communicate(timeout=120)[0]
            finally:
                process.kill()
        assert process.returncode == code, printed
        return printed

    def ledger(self) -> sqlite3.Connection:
        """Open the ledger's file as the database that it is."""
        connection = sqlite3.connect(self.home / "state" / "ledger.sqlite3")
        connection.row_factory = sqlite3.Row
        return connection

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the ledger's photos by their path below the home; paths as text, JSON as data."""
        with closing(self.ledger()) as ledger:
            found = [dict(row) for row in ledger.execute("SELECT * FROM photos ORDER BY id")]
        for row in found:
            for name in ("path", "folder", "output", "temporary"):
                row[name] = row[name] and os.path.relpath(os.fsdecode(row[name]), self.home)
            for name in ("report", "wishes"):
                row[name] = row[name] and json.loads(row[name])
        return {row["path"]: row for row in found}

    def states(self) -> dict[str, str]:
        """Return the state of each photo in the ledger."""
        return {path: row["state"] for path, row in self.rows().items()}

    def digests(self, *folders: str) -> dict[str, str]:
        """Return the SHA-256 of each file in these folders, by its path below the home."""
        files = [path for folder in folders for path in (self.home / folder).rglob("*") if path.is_file()]
        return {
            path.relative_to(self.home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }


def schema(ledger: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return the words that made each part of a ledger, and the version of its form."""
    parts = ledger.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    return [*map(tuple, parts), ("version", str(ledger.execute("PRAGMA user_version").fetchone()[0]))]


def includes(new: Any, old: Any) -> bool:
    """Tell whether data say all that earlier data said; more keys may have come."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and includes(new[key], old[key]) for key in old)
    if isinstance(old, list):
        return (
            isinstance(new, list)
            and len(new) == len(old)
            and all(includes(*pair) for pair in zip(new, old, strict=True))
        )
    return new == old
