"""The fetching thread, turn by turn with a fake store, and once for real."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from facewatch.errors import BadCheckpoint, DiskFull, DownloadFailed, FacewatchError, LicenceNotAccepted
from facewatch.models.catalogue import Licence
from facewatch.models.downloader import FORGET_SECONDS, Downloader
from facewatch.models.files import Progress
from tests.clock import Clock
from tests.models.fault_server import FaultServer
from tests.models.rows import NON_COMMERCIAL, quick, served, shelf


@dataclass
class FakeStore:
    """Checkpoints whose fetches end as they are told."""

    here: set[str] = field(default_factory=set)
    timed_calls: set[str] = field(default_factory=set)
    errors: list[FacewatchError] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def state(self, name: str) -> str:
        if name == "unreadable":
            raise BadCheckpoint("cannot be read")
        return "present" if name in self.here else "missing"

    def licence_question(self, name: str) -> Licence | None:
        return NON_COMMERCIAL if name in self.timed_calls else None

    def fetch(self, name: str, on_progress: Callable[[Progress], None], stop: threading.Event) -> None:
        self.fetched.append(name)
        if name in self.timed_calls:
            raise LicenceNotAccepted(f"{name} comes under NC")
        if self.errors:
            raise self.errors.pop(0)
        on_progress(Progress(name, 50, 100, 10.0))
        self.here.add(name)


class House:
    """A fetcher whose thread is the test."""

    def __init__(self) -> None:
        self.store, self.clock, self.news = FakeStore(), Clock(), []
        self.downloader = Downloader(
            self.store,
            lambda: self.news.append(self.downloader.states()),
            clock=self.clock,
            now=lambda: self.clock.now + 1e9,
            jitter=lambda: 0.5,
        )

    def state(self, name: str) -> str | None:
        return self.downloader.states().get(name, {}).get("state")


@pytest.fixture
def house() -> House:
    return House()


def test_what_is_wanted_is_fetched_and_told(house: House):
    house.downloader.want("toy")
    assert house.state("toy") == "queued"
    assert house.downloader.busy()
    assert house.downloader.turn()
    assert house.store.fetched == ["toy"]
    assert house.downloader.states() == {}
    assert not house.downloader.busy()
    assert house.news[0] == {"toy": {"state": "downloading"}}
    assert house.news[1]["toy"] == {
        "state": "downloading",
        "done_bytes": 50,
        "total_bytes": 100,
        "bytes_per_second": 10,
        "seconds_left": 5.0,
    }
    assert house.news[-1] == {}


def test_one_after_the_other(house: House):
    house.downloader.want("a")
    house.downloader.want("b")
    house.downloader.turn()
    assert (house.store.fetched, house.state("b")) == (["a"], "queued")
    house.downloader.turn()
    assert house.store.fetched == ["a", "b"]
    assert not house.downloader.turn()


def test_a_failure_waits_longer_each_time(house: House):
    house.store.errors = [DownloadFailed("no network") for _ in range(10)]
    waits = []
    house.downloader.want("toy")
    for _ in range(10):
        assert house.downloader.turn()
        state = house.downloader.states()["toy"]
        assert (state["state"], state["reason"]) == ("waiting", "no network")
        assert not house.downloader.busy()
        wait = state["retry_at"] - (house.clock.now + 1e9)
        waits.append(wait)
        house.clock.now += wait - 1
        house.downloader.want("toy")
        assert not house.downloader.turn()
        house.clock.now += 1.001
    assert waits == pytest.approx([30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600])
    assert house.downloader.turn()
    assert house.downloader.states() == {}


def test_waiting_does_not_hold_up_others(house: House):
    house.store.errors = [DownloadFailed("no network")]
    house.downloader.want("a")
    house.downloader.turn()
    house.downloader.want("b")
    assert house.downloader.turn()
    assert house.store.fetched == ["a", "b"]


def test_a_full_disk_is_looked_at_every_minute(house: House):
    house.store.errors = [DiskFull("no space") for _ in range(5)]
    house.downloader.want("toy")
    for _ in range(5):
        house.downloader.turn()
        wait = house.downloader.states()["toy"]["retry_at"] - (house.clock.now + 1e9)
        assert wait == pytest.approx(60)
        house.clock.now += 61
        house.downloader.want("toy")


def test_a_licence_holds_a_model_back_until_it_is_accepted(house: House):
    house.store.timed_calls = {"toy"}
    house.downloader.want("toy")
    house.downloader.turn()
    assert house.downloader.states()["toy"] == {
        "state": "held",
        "reason": "toy comes under NC",
        "licence": "NC 1.0",
        "terms_url": "https://example.org/nc",
        "sentence": "Not for commerce.",
    }
    assert not house.downloader.busy()
    assert not house.downloader.turn()
    house.store.timed_calls = set()
    assert house.downloader.turn()
    assert house.downloader.states() == {}


def test_a_file_brought_by_hand_is_noticed(house: House):
    house.store.errors = [DownloadFailed("no network")]
    house.downloader.want("toy")
    house.downloader.turn()
    house.store.here.add("toy")
    house.news.clear()
    assert not house.downloader.turn()
    assert house.news == [{}]


def test_what_nobody_asks_for_any_more_is_forgotten(house: House):
    house.store.errors = [DownloadFailed("no network")]
    house.downloader.want("toy")
    house.downloader.turn()
    house.clock.now += FORGET_SECONDS + 1
    assert not house.downloader.turn()
    assert house.downloader.states() == {}


def test_a_file_that_cannot_be_looked_at_is_fetched_and_told(house: House):
    house.store.errors = [BadCheckpoint("cannot be read")]
    house.downloader.want("unreadable")
    house.downloader.turn()
    assert house.downloader.states()["unreadable"]["reason"] == "cannot be read"


def test_another_folder_or_mirror_is_tried_at_once(house: House):
    house.store.errors = [DownloadFailed("no network")]
    house.downloader.want("toy")
    house.downloader.turn()
    house.downloader.use(other := FakeStore())
    assert house.downloader.turn()
    assert other.fetched == ["toy"]


def test_a_dead_thread_is_told(monkeypatch: pytest.MonkeyPatch):
    class Broken(FakeStore):
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


def test_news_that_cannot_be_told_stop_no_file(caplog: pytest.LogCaptureFixture):
    told, full = [], [True]

    def tell() -> None:
        if full:
            raise DiskFull("no space left for the ledger")
        told.append(downloader.states())

    store = FakeStore()
    downloader = Downloader(store, tell)
    downloader.want("toy")
    assert downloader.turn()
    assert store.here == {"toy"}
    assert "no space left for the ledger" in caplog.text
    full.clear()
    for _ in range(3):
        assert not downloader.turn()
    assert told == [{}]


def test_it_stops_before_it_was_started(house: House):
    house.downloader.stop()


@pytest.mark.parametrize(
    "fault", [{"kind": "stall", "after": 40_000}, {"kind": "silent"}], ids=["body", "head"]
)
def test_a_real_fetch_is_told_and_stops_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, object]
):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FaultServer()
    model_files = shelf(tmp_path, served(server), served(server, "slow"), patience=quick(stall_seconds=60))
    server.script("/slow.pth", fault)
    here, changed = threading.Event(), threading.Event()

    def notice() -> None:
        changed.set()
        if model_files.state("toy") == "present":
            here.set()

    downloader = Downloader(model_files, notice)
    downloader.start()
    try:
        downloader.want("toy")
        assert here.wait(20)
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
    assert [one for one in threading.enumerate() if one.name in ("fetcher", "download")] == []
    assert downloader.states()["slow"]["state"] == "queued"
