"""What the worker's thread outlives, and what it makes good afterwards."""

from __future__ import annotations

import errno
import threading


def test_a_turn_that_the_system_spoils_does_not_end_the_thread(house, monkeypatch, caplog):
    turn, turns = house.worker.turn, []

    def spoilt():
        turns.append(1)
        if len(turns) == 1:
            raise OSError(errno.EIO, "Input/output error")
        house.worker.stop()
        return turn()

    monkeypatch.setattr(house.worker, "turn", spoilt)
    monkeypatch.setattr("facewatch.worker.working.IDLE_SECONDS", 0.01)
    thread = threading.Thread(target=house.worker.run)
    thread.start()
    thread.join(10)
    assert len(turns) == 2
    assert "Input/output error" in house.ledger.fact("troubles")["engine"]["text"]
    assert "a turn of the worker has failed" in caplog.text
