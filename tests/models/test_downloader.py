"""The downloading thread, turn by turn with fake model files, and once for real."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from facewatch.errors import BadCheckpoint, DiskFull, DownloadFailed, FacewatchError, LicenceNotAccepted
from facewatch.models.catalogue import Licence
from facewatch.models.downloader import FORGET_SECONDS, METERED_WAIT_SECONDS, Downloader
from facewatch.models.files import Progress
from tests.clock import Clock
from tests.models.fault_server import FaultServer
from tests.models.rows import NON_COMMERCIAL, make_model_files, quick_timeouts, served


@dataclass
class FakeModelFiles:
    """Model files whose downloads end as a test sets."""

    present: set[str] = field(default_factory=set)
    unaccepted: set[str] = field(default_factory=set)
    errors: list[FacewatchError] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    on_fetch: Callable[[], object] = lambda: None  # what happens while bytes arrive

    def state(self, name: str) -> str:
        if name == "unreadable":
            raise BadCheckpoint("cannot be read")
        return "present" if name in self.present else "missing"

    def licence_question(self, name: str) -> Licence | None:
        return NON_COMMERCIAL if name in self.unaccepted else None

    def require_accepted(self, name: str) -> None:
        if name in self.unaccepted:
            raise LicenceNotAccepted(f"{name} comes under NC")

    def fetch(self, name: str, on_progress: Callable[[Progress], None], stop: threading.Event) -> None:
        self.fetched.append(name)
        self.require_accepted(name)
        if self.errors:
            raise self.errors.pop(0)
        self.on_fetch()
        on_progress(Progress(name, 50, 100, 10.0))
        self.present.add(name)


class Setup:
    """A downloader that the test itself drives."""

    def __init__(self) -> None:
        self.model_files, self.clock, self.reports = FakeModelFiles(), Clock(), []
        self.downloader = Downloader(
            self.model_files,
            lambda: self.reports.append(self.downloader.states()),
            clock=self.clock,
            now=lambda: self.clock.now + 1e9,
            jitter=lambda: 0.5,
            metered=lambda: self.metered,
        )
        self.metered = False

    def state(self, name: str) -> str | None:
        return self.downloader.states().get(name, {}).get("state")


@pytest.fixture
def setup() -> Setup:
    return Setup()


def test_a_metered_connection_is_spared_until_it_is_free_again(setup: Setup):
    setup.metered = True
    setup.downloader.want("toy")
    assert not setup.downloader.turn()
    assert (setup.state("toy"), setup.model_files.fetched) == ("waiting", [])
    assert "metered; `facewatch models pull toy` downloads it" in setup.downloader.states()["toy"]["reason"]
    assert not setup.downloader.busy()
    setup.metered = False
    setup.clock.now += METERED_WAIT_SECONDS
    setup.downloader.want("toy")
    assert setup.downloader.turn()
    assert setup.model_files.fetched == ["toy"]


def test_who_asks_for_a_model_gets_it_by_a_metered_connection_too(setup: Setup):
    setup.metered = True
    setup.downloader.want("toy")
    setup.downloader.want("other")
    assert not setup.downloader.turn()
    reports = len(setup.reports)
    setup.clock.now += METERED_WAIT_SECONDS
    assert not setup.downloader.turn()
    assert len(setup.reports) == reports  # the same reason is not told again and again
    setup.downloader.try_now("other")
    assert setup.downloader.turn()
    assert setup.model_files.fetched == ["other"]


def test_a_requested_model_is_downloaded_and_reported(setup: Setup):
    setup.downloader.want("toy")
    assert setup.state("toy") == "queued"
    assert setup.downloader.busy()
    assert setup.downloader.turn()
    assert setup.model_files.fetched == ["toy"]
    assert setup.downloader.states() == {}
    assert not setup.downloader.busy()
    assert setup.reports[0] == {"toy": {"state": "downloading"}}
    assert setup.reports[1]["toy"] == {
        "state": "downloading",
        "done_bytes": 50,
        "total_bytes": 100,
        "bytes_per_second": 10,
        "seconds_left": 5.0,
    }
    assert setup.reports[-1] == {}


def test_models_are_downloaded_one_at_a_time(setup: Setup):
    setup.downloader.want("a")
    setup.downloader.want("b")
    setup.downloader.turn()
    assert (setup.model_files.fetched, setup.state("b")) == (["a"], "queued")
    setup.downloader.turn()
    assert setup.model_files.fetched == ["a", "b"]
    assert not setup.downloader.turn()


def test_each_failure_in_a_row_waits_longer(setup: Setup):
    setup.model_files.errors = [DownloadFailed("no network") for _ in range(10)]
    waits = []
    setup.downloader.want("toy")
    for _ in range(10):
        assert setup.downloader.turn()
        state = setup.downloader.states()["toy"]
        assert (state["state"], state["reason"]) == ("waiting", "no network")
        assert not setup.downloader.busy()
        wait = state["retry_at"] - (setup.clock.now + 1e9)
        waits.append(wait)
        setup.clock.now += wait - 1
        setup.downloader.want("toy")
        assert not setup.downloader.turn()
        setup.clock.now += 1.001
    assert waits == pytest.approx([30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600])
    assert setup.downloader.turn()
    assert setup.downloader.states() == {}


def test_a_waiting_model_does_not_delay_others(setup: Setup):
    setup.model_files.errors = [DownloadFailed("no network")]
    setup.downloader.want("a")
    setup.downloader.turn()
    setup.downloader.want("b")
    assert setup.downloader.turn()
    assert setup.model_files.fetched == ["a", "b"]


def test_a_full_disk_is_retried_every_minute(setup: Setup):
    setup.model_files.errors = [DiskFull("no space") for _ in range(5)]
    setup.downloader.want("toy")
    for _ in range(5):
        setup.downloader.turn()
        wait = setup.downloader.states()["toy"]["retry_at"] - (setup.clock.now + 1e9)
        assert wait == pytest.approx(60)
        setup.clock.now += 61
        setup.downloader.want("toy")


def test_a_licence_holds_a_model_back_until_it_is_accepted(setup: Setup):
    setup.model_files.unaccepted = {"toy"}
    setup.downloader.want("toy")
    setup.downloader.turn()
    assert setup.downloader.states()["toy"] == {
        "state": "held",
        "reason": "toy comes under NC",
        "licence": "NC 1.0",
        "terms_url": "https://example.org/nc",
        "sentence": "Not for commerce.",
    }
    assert not setup.downloader.busy()
    assert not setup.downloader.turn()
    setup.model_files.unaccepted = set()
    assert setup.downloader.turn()
    assert setup.downloader.states() == {}


def test_a_licence_is_asked_for_at_once_while_another_model_downloads(setup: Setup):
    setup.model_files.unaccepted = {"toy"}
    seen = []
    setup.model_files.on_fetch = lambda: (setup.downloader.want("toy"), seen.append(setup.state("toy")))
    setup.downloader.want("other")
    assert setup.downloader.turn()
    assert seen == ["held"]
    assert setup.state("toy") == "held"
    assert setup.model_files.fetched == ["other"]


def test_a_file_added_by_hand_is_noticed(setup: Setup):
    setup.model_files.errors = [DownloadFailed("no network")]
    setup.downloader.want("toy")
    setup.downloader.turn()
    setup.model_files.present.add("toy")
    setup.reports.clear()
    assert not setup.downloader.turn()
    assert setup.reports == [{}]


def test_a_request_that_is_not_repeated_is_dropped(setup: Setup):
    setup.model_files.errors = [DownloadFailed("no network")]
    setup.downloader.want("toy")
    setup.downloader.turn()
    setup.clock.now += FORGET_SECONDS + 1
    assert not setup.downloader.turn()
    assert setup.downloader.states() == {}


def test_an_unreadable_file_is_reported(setup: Setup):
    setup.model_files.errors = [BadCheckpoint("cannot be read")]
    setup.downloader.want("unreadable")
    setup.downloader.turn()
    assert setup.downloader.states()["unreadable"]["reason"] == "cannot be read"


def test_another_folder_or_mirror_is_tried_at_once(setup: Setup):
    setup.model_files.errors = [DownloadFailed("no network")]
    setup.downloader.want("toy")
    setup.downloader.turn()
    setup.downloader.use(other := FakeModelFiles())
    assert setup.downloader.turn()
    assert other.fetched == ["toy"]


def test_a_dead_thread_raises(monkeypatch: pytest.MonkeyPatch):
    class Broken(FakeModelFiles):
        def state(self, name: str) -> str:
            raise ZeroDivisionError

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    downloader = Downloader(Broken(), lambda: None)
    downloader.want("toy")
    downloader.start()
    downloader._thread.join(5)
    with pytest.raises(RuntimeError, match="has died"):
        downloader.want("toy")
    downloader.stop()


def test_a_failed_report_stops_no_download_and_is_repeated(caplog: pytest.LogCaptureFixture):
    reports, full = [], [True]

    def report() -> None:
        if full:
            raise DiskFull("no space left for the ledger")
        reports.append(downloader.states())

    model_files = FakeModelFiles()
    downloader = Downloader(model_files, report)
    downloader.want("toy")
    assert downloader.turn()
    assert model_files.present == {"toy"}
    assert "no space left for the ledger" in caplog.text
    full.clear()
    for _ in range(3):
        assert not downloader.turn()
    assert reports == [{}]


def test_stop_works_before_start(setup: Setup):
    setup.downloader.stop()


@pytest.mark.parametrize(
    "fault", [{"kind": "stall", "after": 40_000}, {"kind": "silent"}], ids=["body", "head"]
)
def test_a_real_download_is_reported_and_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, object]
):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FaultServer()
    model_files = make_model_files(
        tmp_path, served(server), served(server, "slow"), timeouts=quick_timeouts(stall_seconds=60)
    )
    server.script("/slow.pth", fault)
    present, changed = threading.Event(), threading.Event()

    def notice() -> None:
        changed.set()
        if model_files.state("toy") == "present":
            present.set()

    downloader = Downloader(model_files, notice)
    downloader.start()
    try:
        downloader.want("toy")
        assert present.wait(20)
        downloader.want("slow")
        end = time.monotonic() + 10
        while downloader.states().get("slow", {}).get("state") != "downloading":
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(0.3)
    finally:
        started = time.monotonic()
        downloader.stop()
        assert time.monotonic() - started < 5
        server.close()
    assert [one for one in threading.enumerate() if one.name in ("downloader", "download")] == []
    assert downloader.states()["slow"]["state"] == "queued"


def test_a_wish_of_the_settings_ends_when_they_need_another_model(setup: Setup):
    setup.model_files.errors = [DownloadFailed("no network")]
    setup.downloader.want_for_settings(["toy"])
    setup.downloader.want("for a redo")
    assert setup.downloader.turn()
    assert setup.state("toy") == "waiting"
    setup.downloader.want_for_settings(["other"])
    assert set(setup.downloader.states()) == {"other", "for a redo"}
    assert setup.downloader.turn()
    assert "toy" not in setup.reports[-1]


def test_a_download_that_runs_stops_when_it_is_no_longer_wanted_or_is_cancelled(setup: Setup):
    for end in (lambda: setup.downloader.want_for_settings([]), lambda: setup.downloader.cancel("toy")):
        stopped = []

        def fetch(name, on_progress, stop, end=end, stopped=stopped):
            assert not stop()
            end()
            stopped.append(stop())
            raise DownloadFailed("stopped")

        setup.model_files.fetch = fetch  # type: ignore[method-assign]
        setup.downloader.want_for_settings(["toy"])
        assert setup.downloader.turn()
        assert stopped == [True]
        assert setup.state("toy") in (None, "cancelled")
    setup.downloader.want_for_settings(["toy"])
    assert not setup.downloader.turn()  # cancelled: it waits for the user


def test_a_cancelled_or_waiting_download_begins_at_once_on_request(setup: Setup):
    setup.model_files.errors = [DownloadFailed("no network")]
    setup.downloader.want("toy")
    setup.downloader.turn()
    assert not setup.downloader.turn()
    setup.downloader.try_now("toy")
    assert setup.downloader.turn()
    assert setup.model_files.present == {"toy"}
    setup.downloader.want("other")
    setup.downloader.cancel("other")
    assert not setup.downloader.turn()
    assert setup.state("other") == "cancelled"
    setup.downloader.try_now("other")
    assert setup.downloader.turn()
    assert "other" in setup.model_files.present
