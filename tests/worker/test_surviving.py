"""What the worker's thread outlives, and what it makes good afterwards."""

from __future__ import annotations

import errno
import threading

import pytest

from facewatch.engine.lifecycle import PROCESS
from facewatch.errors import DiskFull, EngineFailed
from facewatch.system.processes import find_running


def test_a_turn_that_the_system_spoils_does_not_end_the_thread(house, monkeypatch, caplog):
    turn, turns = house.worker.turn, []

    def spoilt():
        turns.append(1)
        if len(turns) == 1:
            raise OSError(errno.EIO, "Input/output error")
        house.worker.stop()
        return turn()

    monkeypatch.setattr(house.worker, "turn", spoilt)
    monkeypatch.setattr("facewatch.worker.worker.IDLE_SECONDS", 0.01)
    thread = threading.Thread(target=house.worker.run)
    thread.start()
    thread.join(10)
    assert len(turns) == 2
    assert "Input/output error" in house.ledger.fact("troubles")["engine"]["text"]
    assert "a turn of the worker has failed" in caplog.text


def three_in_the_engine(house):
    house.window = 3
    names = [f"slow-{number}.jpg" for number in range(3)]
    for name in names:
        house.drop(name, name.encode())
    while len(house.worker._in_flight) < 3:
        house.worker.turn()
    return names


@pytest.mark.parametrize("call", ["forget", "retry"])
def test_photos_of_an_engine_that_dies_while_the_ledgers_disk_is_full_are_done_later(
    house, monkeypatch, call
):
    names = three_in_the_engine(house)
    calls = []

    def full(*_, **__):
        calls.append(call)
        raise DiskFull("no space left for the ledger")

    with monkeypatch.context() as patch:
        patch.setattr(house.ledger, call, full)
        house.engines[-1].kill()
        with pytest.raises(DiskFull):
            house.work()
        assert calls
    house.work()
    assert [house.state(name) for name in names] == ["done"] * 3


def test_what_cannot_be_given_back_at_the_end_is_told(house, monkeypatch, caplog):
    names = three_in_the_engine(house)

    def full(*_):
        raise DiskFull("no space left for the ledger")

    with monkeypatch.context() as patch:
        patch.setattr(house.ledger, "give_back", full)
        house.worker.stop()
        house.worker.run()
    assert [house.state(name) for name in names] == ["running"] * 3
    assert "no space left for the ledger" in caplog.text


def test_an_engine_that_dies_as_the_worker_stops_leaves_no_photo_behind(house):
    house.drop("a.jpg")

    def late(order):
        house.worker.stop()  # ends the engine too
        raise EngineFailed("the engine has ended")

    house.worker._engine.submit = late
    house.work()
    house.worker.run()
    assert house.state("a.jpg") == "queued"


def test_the_engine_that_may_be_writing_is_on_record_until_it_has_ended(house):
    three_in_the_engine(house)
    engine = house.engines[-1]
    assert find_running(house.ledger.fact(PROCESS)) == engine.pid
    house.work()
    assert find_running(house.ledger.fact(PROCESS)) == engine.pid
    house.worker.stop()
    house.worker.run()
    assert house.ledger.fact(PROCESS) is None


def test_an_engine_that_cannot_be_put_on_record_is_given_no_photo(house, monkeypatch):
    house.drop("a.jpg")
    note = house.ledger.note

    def full(key, value):
        if key == PROCESS:
            raise DiskFull("no space left for the ledger")
        note(key, value)

    with monkeypatch.context() as patch:
        patch.setattr(house.ledger, "note", full)
        while not house.engines:
            house.worker.turn()
    assert [engine.alive for engine in house.engines] == [False]
    house.clock.now += 60
    house.work()
    assert house.state("a.jpg") == "done"
    assert len(house.engines) == 2
