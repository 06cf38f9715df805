"""Faults that the worker's thread survives, and what it catches up on afterwards."""

from __future__ import annotations

import errno
import threading

import pytest

from facewatch.engine.lifecycle import PROCESS
from facewatch.errors import DiskFull, EngineFailed
from facewatch.system.processes import find_running


def test_a_turn_that_fails_does_not_end_the_thread(harness, monkeypatch, caplog):
    turn, turns = harness.worker.turn, []

    def failing():
        turns.append(1)
        if len(turns) == 1:
            raise OSError(errno.EIO, "Input/output error")
        harness.worker.stop()
        return turn()

    monkeypatch.setattr(harness.worker, "turn", failing)
    monkeypatch.setattr("facewatch.worker.worker.IDLE_SECONDS", 0.01)
    thread = threading.Thread(target=harness.worker.run)
    thread.start()
    thread.join(10)
    assert len(turns) == 2
    assert "Input/output error" in harness.ledger.fact("troubles")["engine"]["text"]
    assert "a turn of the worker has failed" in caplog.text


def three_in_the_engine(harness):
    harness.window = 3
    names = [f"slow-{number}.jpg" for number in range(3)]
    for name in names:
        harness.drop(name, name.encode())
    while len(harness.worker._in_flight) < 3:
        harness.worker.turn()
    return names


@pytest.mark.parametrize("call", ["forget", "retry"])
def test_photos_of_an_engine_that_dies_while_the_ledgers_disk_is_full_are_done_later(
    harness, monkeypatch, call
):
    names = three_in_the_engine(harness)
    calls = []

    def full(*_, **__):
        calls.append(call)
        raise DiskFull("no space left for the ledger")

    with monkeypatch.context() as patch:
        patch.setattr(harness.ledger, call, full)
        harness.engines[-1].kill()
        with pytest.raises(DiskFull):
            harness.work()
        assert calls
    harness.work()
    assert [harness.state(name) for name in names] == ["done"] * 3


def test_photos_that_cannot_be_returned_at_the_end_are_logged(harness, monkeypatch, caplog):
    names = three_in_the_engine(harness)

    def full(*_):
        raise DiskFull("no space left for the ledger")

    with monkeypatch.context() as patch:
        patch.setattr(harness.ledger, "give_back", full)
        harness.worker.stop()
        harness.worker.run()
    assert [harness.state(name) for name in names] == ["running"] * 3
    assert "no space left for the ledger" in caplog.text


def test_an_engine_that_dies_while_the_worker_stops_leaves_no_photo_in_work(harness):
    harness.drop("a.jpg")

    def late(request):
        harness.worker.stop()  # ends the engine too
        raise EngineFailed("the engine has ended")

    harness.worker._engine.submit = late
    harness.work()
    harness.worker.run()
    assert harness.state("a.jpg") == "queued"


def test_the_engine_process_is_on_record_until_it_has_ended(harness):
    three_in_the_engine(harness)
    engine = harness.engines[-1]
    assert find_running(harness.ledger.fact(PROCESS)) == engine.pid
    harness.work()
    assert find_running(harness.ledger.fact(PROCESS)) == engine.pid
    harness.worker.stop()
    harness.worker.run()
    assert harness.ledger.fact(PROCESS) is None


def test_an_engine_that_cannot_be_recorded_gets_no_photo(harness, monkeypatch):
    harness.drop("a.jpg")
    note = harness.ledger.note

    def full(key, value):
        if key == PROCESS:
            raise DiskFull("no space left for the ledger")
        note(key, value)

    with monkeypatch.context() as patch:
        patch.setattr(harness.ledger, "note", full)
        while not harness.engines:
            harness.worker.turn()
    assert [engine.alive for engine in harness.engines] == [False]
    harness.clock.now += 60
    harness.work()
    assert harness.state("a.jpg") == "done"
    assert len(harness.engines) == 2
