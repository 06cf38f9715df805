"""A worker that is stopped after the test."""

from __future__ import annotations

import pytest

from tests.worker.worker_harness import WorkerHarness


@pytest.fixture
def harness(tmp_path):
    harness = WorkerHarness(tmp_path)
    yield harness
    harness.worker.stop()
    harness.worker.run()
    harness.ledger.close()
