"""Facts and queries, beside the writer and without it."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facewatch.errors import BadLedger
from facewatch.state.ledger import Ledger, LedgerView
from facewatch.state.ledger.jobs import STATES
from facewatch.state.ledger.queries import RECENT
from tests.state.ledger.photos import PHOTO, ROOT, SEEN, finish


def test_facts_can_be_read_through_a_view(ledger, file):
    ledger.note("download", {"name": "gfpgan-1.4", "bytes": 7})
    ledger.note("download", {"name": "gfpgan-1.4", "bytes": 8})
    ledger.note("notices", ["disk full"])
    view = LedgerView(file)
    assert view.fact("download") == {"name": "gfpgan-1.4", "bytes": 8}
    ledger.forget("download", "never noted")
    assert view.facts() == {"notices": ["disk full"]}
    assert view.fact("download") is None


def test_a_lack_of_file_handles_is_no_missing_ledger(ledger, file, monkeypatch):
    stat = Path.stat

    def refused(path, **options):
        if path != file:
            raise OSError(errno.EMFILE, "Too many open files", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refused)  # the log beside it
    ledger.require_in_place()
    with pytest.raises(BadLedger, match="Too many open files"):
        LedgerView(file).facts()


def test_a_view_reads_beside_the_writer_and_without_it(file, now):
    view = LedgerView(file, now)
    assert view.counts() == dict.fromkeys(STATES, 0)
    assert view.recent() == []
    assert view.seconds_to_retry() is None
    ledger = Ledger(file, now)
    finish(ledger)
    assert [job.path for job in view.recent()] == [PHOTO]
    ledger.close()
    assert view.counts()["done"] == 1
    assert view.photo(PHOTO) is not None


def test_waiting_and_failed_photos_count_only_in_watched_folders(ledger):
    left = Path("/left")
    for root in (ROOT, left):
        for name in "bcd":
            ledger.queue(root / f"{name}.jpg", root, SEEN)
        ledger.park(ledger.start(ledger.photo(root / "c.jpg")), "broken", "BadPhoto")
        ledger.retry(ledger.start(ledger.photo(root / "d.jpg")), "later", "EngineFailed", 5)
    finish(ledger)
    counts = ledger.counts([ROOT])
    assert (counts["queued"], counts["parked"], counts["retry"], counts["done"]) == (1, 1, 1, 1)
    assert ledger.counts([left])["done"] == 1
    assert ledger.counts()["queued"] == 2
    assert ledger.counts([])["queued"] == 0
    assert [job.path for job in ledger.failed(folders=[left])] == [left / "c.jpg"]
    assert [job.path for job in ledger.retrying(folders=[ROOT])] == [ROOT / "d.jpg"]
    assert len(ledger.failed()) == len(ledger.retrying()) == 2


def test_a_view_changes_nothing(file, now):
    ledger = Ledger(file, now)
    finish(ledger)
    ledger.close()
    before = file.read_bytes()
    LedgerView(file, now).counts()
    assert file.read_bytes() == before


def test_a_view_of_a_file_that_is_not_a_ledger_says_so(file):
    file.write_bytes(b"not a database" * 500)
    with pytest.raises(BadLedger, match="damaged"):
        LedgerView(file).counts()


def test_any_thread_may_write_at_any_time(ledger, file):
    def write(letter: str) -> None:
        for number in range(50):
            ledger.queue(ROOT / f"{letter}{number}.jpg", ROOT, SEEN)
            ledger.note("last", [letter, number])
            LedgerView(file).waiting()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))
    assert ledger.waiting() == 200


def test_the_latest_of_many_finished_photos_are_found_without_a_sort(ledger):
    plan = ledger._rows("EXPLAIN QUERY PLAN " + RECENT, [10])
    assert "photos_finished" in str(plan)
    assert "TEMP" not in str(plan)
