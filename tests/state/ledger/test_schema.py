"""The ledger's file: damaged, newer, on a full disk, or cut short."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from facewatch.errors import BadLedger, DiskFull
from facewatch.state.ledger import DamagedLedger, Ledger, LedgerView
from facewatch.system.fingerprint import Settled
from tests.state.ledger.photos import PHOTO, ROOT, SEEN, finish


@pytest.mark.parametrize("damage", ["garbage", "middle", "header", "foreign"])
def test_a_damaged_ledger_is_kept_aside_and_a_new_one_begun(file, now, damage):
    ledger = Ledger(file, now)
    ledger.queue_many([(ROOT, Settled(ROOT / f"{number}.jpg", SEEN)) for number in range(500)])
    finish(ledger)
    ledger.close()
    whole = file.read_bytes()
    if damage == "foreign":
        file.unlink()
        other = sqlite3.connect(file)
        other.execute("CREATE TABLE recipes (name)")
        other.commit()
        other.close()
    else:
        broken = {
            "garbage": b"x" * 5000,
            "middle": whole[:4096] + os.urandom(len(whole) // 2) + whole[4096 + len(whole) // 2 :],
            "header": b"\0" * 100 + whole[100:],
        }[damage]
        file.write_bytes(broken)
    content = file.read_bytes()
    with pytest.raises(DamagedLedger):
        Ledger(file, now)
    renewed = Ledger.open(file, now)
    kept = file.with_name("ledger.broken-20231114T221320Z.sqlite3")
    assert kept.read_bytes() == content
    assert kept.name in renewed.notice
    assert renewed.queue(PHOTO, ROOT, SEEN)
    renewed.close()
    assert Ledger.open(file, now).notice == ""


def test_two_damaged_ledgers_in_one_second_are_both_kept(file, now):
    for content in (b"one" * 500, b"two" * 500):
        file.write_bytes(content)
        Ledger.open(file, now).close()
    assert len(list(file.parent.glob("ledger.broken-*.sqlite3"))) == 2


@pytest.mark.parametrize("busy", [2, 1000])
def test_a_damaged_ledger_that_the_tray_has_open_is_waited_for_and_then_reported(
    file, now, monkeypatch, busy
):
    file.write_bytes(b"not a database" * 500)
    rename, refusals = Path.rename, iter(range(busy))

    def refuse(path, target):
        if next(refusals, None) is None:
            return rename(path, target)
        error = PermissionError(13, "The process cannot access the file")
        error.winerror = 32
        raise error

    monkeypatch.setattr(Path, "rename", refuse)
    monkeypatch.setattr("time.sleep", lambda _: None)
    if busy == 2:
        ledger = Ledger.open(file, now)
        assert "was kept as" in ledger.notice
        ledger.close()
    else:
        with pytest.raises(BadLedger, match=r"cannot be set aside.*close"):
            Ledger.open(file, now)
        assert file.exists()


def test_a_newer_ledger_is_refused_and_left_alone(file, now):
    Ledger(file, now).close()
    newer = sqlite3.connect(file)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    before = file.read_bytes()
    with pytest.raises(BadLedger, match="update facewatch") as raised:
        Ledger.open(file, now)
    assert not isinstance(raised.value, DamagedLedger)
    with pytest.raises(BadLedger, match="update facewatch"):
        LedgerView(file).counts()
    assert file.read_bytes() == before


def test_a_ledger_that_cannot_be_opened_is_left_alone(tmp_path, now):
    with pytest.raises(BadLedger) as raised:
        Ledger.open(tmp_path / "missing" / "ledger.sqlite3", now)
    assert not isinstance(raised.value, DamagedLedger)


def test_a_full_disk_is_reported_as_such_and_changes_nothing(ledger):
    ledger.queue(PHOTO, ROOT, SEEN)
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
    many = [(ROOT, Settled(ROOT / f"{number}.jpg", SEEN)) for number in range(2000)]
    with pytest.raises(DiskFull):
        ledger.queue_many(many)
    assert ledger.waiting() == 1
    ledger._connection.execute("PRAGMA max_page_count = 1000000")
    assert ledger.queue_many(many) == 2000


def test_every_change_is_on_the_disk_when_the_call_returns(ledger):
    ledger.note("a fact", 1)
    assert ledger._connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert ledger._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


KILLED = """
import sys
from pathlib import Path
from facewatch.state.ledger import Ledger
from facewatch.system.fingerprint import Fingerprint
ledger = Ledger(Path(sys.argv[1]))
for number in range(10**6):
    ledger.queue(Path(f"/photos/{number}.jpg"), Path("/photos"), Fingerprint(number, 1, 1, 1))
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_the_writes_of_a_killed_process_are_kept(file):
    command = [sys.executable, "-c", KILLED, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 50:
                process.send_signal(signal.SIGKILL)
                break
    assert LedgerView(file).waiting() >= 51
    ledger = Ledger.open(file)
    assert ledger.notice == ""
    assert ledger.waiting() >= 51
    ledger.close()
