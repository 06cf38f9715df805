"""A GPU that other programs need is given back; a fake engine stands in for one on a GPU."""

from __future__ import annotations

import logging

import pytest

from facewatch.settings.schedule import resumed
from facewatch.settings.schema import parse
from facewatch.state.status import GIVING_WAY_KEY, read_status
from facewatch.system.paths import Places
from facewatch.worker.rest import AGAIN_SECONDS, ASK_SECONDS, FILLED, FILLS_CARD, FULL_SCREEN, Rest
from tests.full_screen import Screen
from tests.tray.desktop import needed_display
from tests.worker.worker_harness import WorkerHarness


class Desktop:
    """Says what other programs do."""

    def __init__(self):
        self.full_screen, self.share, self.asked = False, None, []

    def runs_full_screen(self):
        return self.full_screen

    def others(self, pid):
        self.asked.append(pid)
        return self.share


@pytest.fixture
def desktop():
    return Desktop()


@pytest.fixture
def harness(tmp_path, desktop):
    harness = WorkerHarness(tmp_path)
    harness.raw["engine"] = {"device": "cuda"}
    worker = harness.worker
    worker.rest = Rest(
        harness.ledger,
        worker._engine,
        worker._readiness.known_device,
        clock=harness.clock,
        full_screen=desktop.runs_full_screen,
        others=desktop.others,
    )
    yield harness
    worker.stop()
    worker.run()
    harness.ledger.close()


def turn(harness, seconds=ASK_SECONDS):
    harness.clock.now += seconds
    return harness.worker.turn()


def test_a_full_screen_program_gets_the_gpu_and_photos_wait(harness, desktop, caplog):
    caplog.set_level(logging.INFO)
    harness.drop("a.jpg")
    harness.work()
    assert harness.state("a.jpg") == "done"
    assert harness.engines[-1].alive
    desktop.full_screen = True
    harness.drop("b.jpg", b"another")
    turn(harness)
    turn(harness)
    assert not harness.engines[-1].alive
    assert harness.state("b.jpg") == "queued"
    assert harness.ledger.fact(GIVING_WAY_KEY) == FULL_SCREEN
    assert not harness.worker.has_work()
    desktop.full_screen = False
    turn(harness)
    assert harness.state("b.jpg") == "queued"  # it may be back in a moment
    harness.clock.now += AGAIN_SECONDS
    harness.work()
    assert harness.state("b.jpg") == "done"
    assert harness.ledger.fact(GIVING_WAY_KEY) == ""
    assert [record.message for record in caplog.records if record.name.endswith("rest")] == [
        FULL_SCREEN,
        "the GPU is used again",
    ]


def test_photos_wait_before_an_engine_was_ever_started(harness, desktop):
    desktop.full_screen = True
    harness.drop("a.jpg")
    for _ in range(3):
        turn(harness)
    assert harness.state("a.jpg") == "queued"
    assert not harness.engines
    assert not harness.worker.turn()


@pytest.mark.parametrize(("share", "reason"), [(FILLED, ""), (FILLED + 0.01, FILLS_CARD), (None, "")])
def test_a_card_filled_by_others_is_given_back(harness, desktop, share, reason):
    harness.drop("a.jpg")
    harness.work()
    pid = harness.engines[-1].pid
    desktop.share = share
    turn(harness)
    assert desktop.asked[-1] == pid
    assert (harness.ledger.fact(GIVING_WAY_KEY) or "") == reason
    turn(harness)
    assert harness.engines[-1].alive is not bool(reason)


def test_the_photos_in_the_engine_are_finished_first(harness, desktop):
    harness.window = 2
    for name in ("a.jpg", "b.jpg"):
        harness.drop(name, name.encode())
    while not len(harness.worker._in_flight):
        turn(harness, 1)
    desktop.full_screen = True
    harness.drop("c.jpg", b"c")
    for _ in range(20):
        turn(harness)
    assert [harness.state(name) for name in ("a.jpg", "b.jpg", "c.jpg")] == ["done", "done", "queued"]
    assert not harness.engines[-1].alive


@pytest.mark.parametrize(
    "engine",
    [{"device": "cpu"}, {"device": "cuda", "give_way": False}],
)
def test_a_processor_and_who_wants_it_so_give_nothing_back(harness, desktop, engine):
    harness.raw["engine"] = engine
    desktop.full_screen = True
    harness.drop("a.jpg")
    harness.work()
    assert harness.state("a.jpg") == "done"
    assert desktop.asked == []


def test_work_now_sets_giving_way_aside(harness, desktop):
    desktop.full_screen = True
    harness.drop("a.jpg")
    turn(harness)
    turn(harness)
    changes = resumed(parse(harness.raw, "test"), rest=harness.ledger.fact(GIVING_WAY_KEY))
    assert changes["work_until"] is not None
    harness.raw["work_until"] = changes["work_until"]
    harness.work()
    assert harness.state("a.jpg") == "done"


def test_a_card_is_left_alone_while_there_is_nothing_to_do(harness, desktop):
    for _ in range(5):
        turn(harness)
    assert desktop.asked == []


def test_the_status_says_why_photos_wait(tmp_path, monkeypatch):
    places = Places.under(tmp_path / "home")
    places.ledger.parent.mkdir(parents=True)
    harness = WorkerHarness(tmp_path)
    ledger = type(harness.ledger).open(places.ledger)
    ledger.note(GIVING_WAY_KEY, FILLS_CARD)
    monkeypatch.setattr("facewatch.state.status.running_pid", lambda _: 1)
    status = read_status(places, parse(harness.raw, "test"))
    assert (status.rest, status.mood) == (FILLS_CARD, "paused")
    ledger.close()
    harness.ledger.close()


@pytest.mark.needs_display
def test_a_window_on_a_real_display_holds_the_photos_up(harness, tmp_path, monkeypatch):
    with needed_display(tmp_path / "desktop") as environment:
        for name in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
            monkeypatch.setenv(name, environment[name])
        worker = harness.worker
        worker.rest = Rest(
            harness.ledger, worker._engine, worker._readiness.known_device, clock=harness.clock
        )
        harness.drop("a.jpg")
        harness.work()
        assert harness.state("a.jpg") == "done"
        with Screen() as screen:
            screen.set_states(screen.open(), "FULLSCREEN")
            harness.drop("b.jpg", b"another")
            for _ in range(3):
                turn(harness)
            assert harness.state("b.jpg") == "queued"
            assert not harness.engines[-1].alive
        harness.clock.now += AGAIN_SECONDS
        harness.work()
        assert harness.state("b.jpg") == "done"
