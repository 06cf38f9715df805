"""The worker's house, empty and quiet at the end."""

from __future__ import annotations

import pytest

from tests.worker.worker_harness import House


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.worker.stop()
    house.worker.run()
    house.ledger.close()
