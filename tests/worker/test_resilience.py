"""Faults that the worker's thread survives, and what it catches up on afterwards."""

from __future__ import annotations

import errno
import threading

import pytest

from facewatch.errors import DiskFull, EngineFailed


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
