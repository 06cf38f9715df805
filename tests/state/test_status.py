"""The sentences of the status."""

import pytest

from facewatch.errors import BadLedger
from facewatch.settings.schema import Settings
from facewatch.state.ledger import Ledger
from facewatch.state.status import headline, passed_over_text, photo_text, read_status
from facewatch.system.fingerprint import Fingerprint
from facewatch.system.paths import Places
from tests.tray.views import status


def test_kinds_that_are_not_taken_are_named_with_the_most_first():
    assert passed_over_text({}) == ""
    assert passed_over_text({".gif": 1}) == "1 file of kinds facewatch does not take: 1 .gif"
    many = {f".k{number}": 2 for number in range(12)}
    text = passed_over_text(many)
    assert text.startswith("24 files of kinds facewatch does not take: 2 .k0, 2 .k1")
    assert text.endswith(", 8 others")


@pytest.fixture
def running(tmp_path, monkeypatch):
    """Return the places of a daemon that seems to run, and its ledger, which was never written out."""
    places = Places.under(tmp_path)
    places.state.mkdir()
    monkeypatch.setattr("facewatch.state.status.running_pid", lambda _: 4711)
    monkeypatch.setattr("facewatch.state.ledger.queries.CREATION_SECONDS", 0.0)
    ledger = Ledger.open(places.ledger)
    ledger.queue(tmp_path / "a.jpg", tmp_path, Fingerprint(1, 2, 3, 4))
    yield places, ledger
    ledger.close()


def troubles(places):
    try:
        return read_status(places, Settings()).troubles
    except BadLedger as error:
        return [str(error)]


def test_a_whole_ledger_is_no_trouble(running):
    places, _ = running
    assert troubles(places) == []
    assert read_status(places, Settings()).counts["queued"] == 1


def test_a_ledger_that_cannot_be_written_is_a_trouble_though_it_cannot_record_that(running, monkeypatch):
    places, _ = running
    monkeypatch.setattr("facewatch.state.status.free_bytes", lambda _: 8192)
    assert troubles(places) == [
        f"ledger: no space left for the ledger {places.ledger}: free some on that disk"
    ]
    monkeypatch.setattr("facewatch.state.status.write_problem", lambda folder: f"{folder} is read-only")
    assert troubles(places) == [f"ledger: {places.state} is read-only"]

    def silent(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("facewatch.state.status.write_problem", silent)
    assert troubles(places) == [f"ledger: {places.state} cannot be looked at: Input/output error"]
    assert read_status(places, Settings()).mood == "attention"


@pytest.mark.parametrize(
    ("state", "shown"), [("retry", "no disk"), ("parked", "no disk"), ("done", "1 of 1")]
)
def test_a_photo_whose_copy_could_not_be_published_shows_the_reason(state, shown):
    report = {"summary": "1 of 1 face restored", "faces": [{"fate": "restored"}], "weight": 0.0}
    assert shown in photo_text({"state": state, "reason": "no disk", "report": report})


@pytest.mark.parametrize("model", ["gfpgan-1.4", "sface"])
def test_a_download_that_fails_asks_for_attention(running, model):
    places, ledger = running
    ledger.note("downloads", {model: {"state": "waiting", "reason": "no network", "retry_at": 0}})
    assert read_status(places, Settings()).mood == "attention"


def test_a_photo_that_waits_for_the_engine_is_work(running):
    places, ledger = running
    job = ledger.photo(places.config.parent / "a.jpg")
    assert ledger.start(job)
    assert read_status(places, Settings()).mood == "working"


def test_photos_that_wait_for_their_next_try_are_not_coming():
    now = status(counts={"queued": 2, "retry": 5}, settling=1)
    assert (now.waiting, now.coming) == (8, 3)


def test_the_headline_says_what_each_download_does():
    downloads = {
        "sface": {"state": "downloading"},
        "gfpgan-1.4": {"state": "held"},
        "codeformer": {"state": "queued"},
        "parsenet": {"state": "waiting"},
        "restoreformer": {"state": "cancelled"},
    }
    assert headline(status(downloads=downloads)) == (
        "idle, sface: downloading, gfpgan-1.4: licence approval needed, codeformer: waiting for download, "
        "parsenet: cannot be downloaded, restoreformer: download cancelled"
    )


def test_a_ledger_without_its_log_is_named_instead_of_zeros(running):
    places, _ = running
    log = places.ledger.with_name("ledger.sqlite3-wal")
    log.unlink()
    assert any(
        "ledger.sqlite3-wal" in trouble and "estart facewatch" in trouble for trouble in troubles(places)
    )


def test_a_ledger_written_out_before_its_log_was_lost_is_named_as_old(running):
    places, ledger = running
    ledger._connection.execute("PRAGMA wal_checkpoint").fetchall()
    places.ledger.with_name("ledger.sqlite3-wal").unlink()
    assert any("ledger.sqlite3-wal" in trouble for trouble in troubles(places))


def test_a_ledger_that_was_deleted_under_the_daemon_is_named(running):
    places, _ = running
    places.ledger.unlink()
    assert any("ledger.sqlite3 was deleted" in trouble for trouble in troubles(places))


def test_a_ledger_without_its_log_and_without_a_daemon_is_no_empty_ledger(running, monkeypatch):
    places, _ = running
    monkeypatch.setattr("facewatch.state.status.running_pid", lambda _: None)
    places.ledger.with_name("ledger.sqlite3-wal").unlink()
    with pytest.raises(BadLedger, match=r"its log, ledger\.sqlite3-wal, is missing"):
        read_status(places, Settings())
