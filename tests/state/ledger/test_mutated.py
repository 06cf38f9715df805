"""Ledgers damaged by a disk or by another program."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path

import pytest

from facewatch.errors import BadLedger, FacewatchError
from facewatch.state.ledger import Ledger, LedgerView
from facewatch.system.fingerprint import Fingerprint, Settled
from tests.state.ledger.photos import PHOTO, ROOT, SEEN, finish, started

MUTANTS = 300
KEPT = "ledger.broken-*.sqlite3"


def written(folder: Path) -> tuple[bytes, bytes]:
    """Return the bytes of a ledger in use: its file, and the log that is not yet in it."""
    file = folder / "ledger.sqlite3"
    ledger = Ledger(file)
    ledger.queue_many((ROOT, Settled(ROOT / f"{n}.jpg", Fingerprint(n, 1, 1, 1))) for n in range(60))
    ledger._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(40):
        job = finish(ledger, ROOT / f"{number} done.jpg", f"{number:064x}", f"{number + 99:064x}")
        ledger.note("current", {"path": str(job.path), "done": number})
    ledger.park(started(ledger, ROOT / "broken.jpg"), "broken", "BadPhoto")
    ledger.note("daemon", {"pid": 1})
    whole = file.read_bytes(), file.with_name(file.name + "-wal").read_bytes()
    ledger.close()
    return whole


def flipped(data: bytes, chance: random.Random) -> bytes:
    body = bytearray(data)
    for _ in range(chance.choice((1, 8, 64))):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    return bytes(body)


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def spliced(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    at = chance.randrange(len(data))
    return data[:at] + data[start:end] + data[at:] if chance.random() < 0.5 else data[:start] + data[end:]


def blanked(data: bytes, chance: random.Random) -> bytes:
    page = 4096 * chance.randrange(max(1, len(data) // 4096))
    return data[:page] + bytes(4096) + data[page + 4096 :]


def foreign(data: bytes, chance: random.Random, folder: Path) -> bytes:
    """Return a valid database with tables that are not the ledger's."""
    file = folder / "foreign.sqlite3"
    file.write_bytes(data)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(
            chance.choice((
                "DROP TABLE outputs", "DROP TABLE facts", "ALTER TABLE photos DROP COLUMN wishes",
                "DROP INDEX photos_turn", "CREATE TABLE recipes (name)", "PRAGMA user_version = -3",
                "CREATE TRIGGER t AFTER UPDATE ON photos BEGIN DELETE FROM photos; END",
                "ALTER TABLE photos RENAME TO pictures", "CREATE VIEW v AS SELECT 1",
            ))
        )  # fmt: skip
    return file.read_bytes()


def use(ledger: Ledger) -> None:
    """Use a ledger in every way that the daemon does."""
    ledger._connection.execute("PRAGMA synchronous = OFF")  # no power cut is tested here
    for job in ledger.interrupted():
        ledger.give_back(job)
    ledger.queue(PHOTO, ROOT, SEEN)
    ledger.queue(ROOT / "new.jpg", ROOT, SEEN)
    job = ledger.next([ROOT])
    assert job is not None
    running = ledger.start(job)
    assert running is not None
    ledger.same_content(running, "other")
    ledger.is_output("other", running.path)
    ledger.claimed(Path("/out/b.jpg"), running)
    ledger.record_hash(running, "other", "recipe")
    ledger.finished_duplicate("other", "recipe")
    ledger.committing(running, Path("/out/b.jpg"), "restored too", Path("/out/.facewatch-2"), {"faces": 1})
    ledger.done(running, {"faces": 1})
    ledger.requeue_failed()
    view = LedgerView(ledger.file)
    for ask in (view.counts, view.recent, view.failed, view.retrying, view.facts):
        ask()


def mutant(number: int, whole: tuple[bytes, bytes], folder: Path) -> tuple[bytes, bytes | None]:
    chance = random.Random(number)
    base, log = whole
    if number % 6 == 5:
        return foreign(base, chance, folder), None
    change = (flipped, cut, spliced, blanked, flipped)[number % 6]
    if number % 6 == 4:
        return base, change(log, chance)
    return change(base, chance), log if number % 2 else None


def test_a_damaged_ledger_is_set_aside_or_refused_and_never_lost(tmp_path):
    whole = written(tmp_path)
    kept = valid = refused = 0
    for number in range(MUTANTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        base, log = mutant(number, whole, tmp_path)
        file = folder / "ledger.sqlite3"
        file.write_bytes(base)
        if log is not None:
            file.with_name(file.name + "-wal").write_bytes(log)
        try:
            ledger = Ledger.open(file)
        except BadLedger as error:
            refused += "newer facewatch" in str(error) and file.read_bytes() == base
            continue
        try:
            use(ledger)
        except FacewatchError as error:
            pytest.fail(f"mutant {number} was taken for a valid ledger: {error}")
        finally:
            ledger.close()
        aside = list(folder.glob(KEPT))
        assert bool(aside) == bool(ledger.notice), number
        assert len(aside) <= 1
        kept, valid = kept + len(aside), valid + (not aside)
    assert kept + valid + refused == MUTANTS
    assert kept > MUTANTS // 2
    assert valid > MUTANTS // 10


def test_a_view_of_a_damaged_ledger_answers_or_says_what_is_wrong(tmp_path):
    whole = written(tmp_path)
    file = tmp_path / "damaged.sqlite3"
    for number in range(0, MUTANTS, 3):
        base, _ = mutant(number, whole, tmp_path)
        file.write_bytes(base)
        for part in ("-wal", "-shm"):
            file.with_name(file.name + part).unlink(missing_ok=True)
        view = LedgerView(file)
        for ask in (view.counts, view.recent, view.failed, view.facts, view.seconds_to_retry):
            with contextlib.suppress(BadLedger):
                ask()
        assert file.stat().st_size == len(base)
