"""The ledger's tables, and the opening, checking and setting aside of its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path

from facewatch.errors import BadLedger, DiskFull
from facewatch.state.ledger.jobs import STATES
from facewatch.system.atomic import retry_while_busy

VERSION = 1
BUSY_SECONDS = 10.0
UNREACHABLE = ("unable to open", "readonly", "locked", "disk I/O")
"""Parts of SQLite's messages about a file that it cannot reach, whatever its content."""

SCHEMA = f"""
CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    folder BLOB NOT NULL,
    seen TEXT NOT NULL CHECK (seen GLOB '[0-9]* [0-9]* [-0-9]* [-0-9]*' AND NOT seen GLOB '*[^-0-9 ]*'),
    turn INTEGER NOT NULL CHECK (typeof(turn) = 'integer'),
    rank INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({", ".join(f"'{state}'" for state in STATES)})),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (typeof(attempts) = 'integer' AND attempts >= 0),
    not_before REAL CHECK (not_before IS NULL OR typeof(not_before) = 'real'),
    wait_seconds REAL CHECK (wait_seconds IS NULL OR typeof(wait_seconds) = 'real'),
    sha256 TEXT,
    recipe TEXT,
    ended TEXT,
    output BLOB,
    output_sha256 TEXT,
    temporary BLOB,
    reason TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    report TEXT CHECK (report IS NULL OR json_valid(report)),
    wishes TEXT CHECK (wishes IS NULL OR json_valid(wishes)),
    added REAL NOT NULL CHECK (typeof(added) = 'real'),
    changed REAL NOT NULL CHECK (typeof(changed) = 'real')
);
CREATE INDEX photos_turn ON photos (state, folder, rank, turn);
CREATE INDEX photos_content ON photos (sha256, recipe) WHERE state = 'done';
CREATE INDEX photos_finished ON photos (changed) WHERE state IN ('done', 'no_faces');
CREATE INDEX photos_output ON photos (output) WHERE output IS NOT NULL;
CREATE TABLE outputs (
    sha256 TEXT NOT NULL,
    path BLOB NOT NULL,
    unchanged INTEGER NOT NULL,
    made REAL NOT NULL,
    PRIMARY KEY (sha256, path)
) WITHOUT ROWID;
CREATE TABLE facts (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL CHECK (json_valid(value)),
    changed REAL NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
# The checks reveal a damaged row when the file is opened.
# rank: 0 for a redo, which a user waits for, before 1 for the rest.
# ended: the end state of the content `sha256`; a file that only looks new returns to it.
# unchanged: the output has the source's own bytes, so its hash does not prove that facewatch made it.


class DamagedLedger(BadLedger):
    """The ledger's file is damaged, or is another program's database."""


@contextmanager
def translated(file: Path) -> Iterator[None]:
    """Translate SQLite's errors into ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise DiskFull(f"no space left for the ledger {file}: free some on that disk") from error
        if any(word in str(error) for word in UNREACHABLE):
            raise BadLedger(
                f"cannot use the ledger {file}: {error}; check its folder and the permissions there"
            ) from error
        raise DamagedLedger(f"the ledger {file} is damaged: {error}") from error
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        raise DamagedLedger(f"the ledger {file} is damaged: {error}") from error


def open_for_writing(file: Path) -> sqlite3.Connection:
    """Open and check the one writing connection; create the tables in a new file.

    Raises DamagedLedger for a file that is not a valid ledger, BadLedger for one that is newer than this
    program or cannot be opened, DiskFull.
    """
    with translated(file):
        connection = sqlite3.connect(
            file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            connection.text_factory = decode_lossy
            check(connection, file)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA journal_size_limit = 16000000")
            if version_of(connection) == 0:
                connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
            check_schema(connection, file)
        except BaseException:
            connection.close()
            raise
        return connection


def check(connection: sqlite3.Connection, file: Path) -> None:
    """Raise DamagedLedger or BadLedger if the file is not a ledger that this program can write."""
    with file.open("rb") as head:
        versions = head.read(20)[18:]
    if any(version > 2 for version in versions):  # SQLite would open such a file as read-only
        raise DamagedLedger(f"the ledger {file} is damaged: its header is wrong")
    version = version_of(connection)
    if version > VERSION:
        raise BadLedger(
            f"the ledger {file} was written by a newer facewatch (version {version}; this program knows "
            f"up to {VERSION}): update facewatch"
        )
    foreign = version == 0 and connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if version < 0 or foreign:
        raise DamagedLedger(f"the file {file} is a database, but not a ledger of facewatch")
    # The quick check (0.6 s for 100,000 photos, this one 2.0) does not compare the indexes with their tables,
    # and a photo that an index has lost would be queued, and restored, a second time.
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise DamagedLedger(f"the ledger {file} is damaged: {' '.join(found.split())}")


def decode_lossy(text: bytes) -> str:
    """Decode a text column; a reason with damaged bytes is still useful."""
    return text.decode("utf-8", "replace")


def schema_of(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return the name and the SQL of each table and index."""
    return connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    ).fetchall()


def check_schema(connection: sqlite3.Connection, file: Path) -> None:
    """Raise DamagedLedger unless the file has exactly the tables and indexes of a new ledger."""
    with closing(sqlite3.connect(":memory:")) as new:
        new.executescript(SCHEMA)
        ours = schema_of(new)
    if schema_of(connection) != ours:
        raise DamagedLedger(f"the ledger {file} is damaged: its tables are not those of facewatch")


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the ledger's schema; 0 in an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def set_aside(file: Path, now: float) -> Path:
    """Rename a damaged ledger and its side files, and return the new path. Raises BadLedger."""
    stamp = datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    kept = file.with_name(f"{file.stem}.broken-{stamp}{file.suffix}")
    copies = 1
    while kept.exists():
        copies += 1
        kept = file.with_name(f"{file.stem}.broken-{stamp}-{copies}{file.suffix}")
    # The database first: SQLite discards a log without its database, but a database without its log would
    # look valid and lack the latest results.
    for part in ("", "-wal", "-shm"):
        source = file.with_name(file.name + part)
        if source.exists():
            _rename(source, kept.with_name(kept.name + part))
    return kept


def _rename(source: Path, kept: Path) -> None:
    try:
        retry_while_busy(lambda: source.rename(kept))  # the tray may be reading it
    except OSError as error:
        raise BadLedger(
            f"{source} is damaged and cannot be set aside: {error.strerror}; "
            "close the programs that use it, or move it away"
        ) from error
