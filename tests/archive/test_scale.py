"""The driver with simulated workers: none of 64 waits for photos, in a time that is simulated too."""

from __future__ import annotations

import pytest

pytest.importorskip("pyarrow", reason="pip install 'facewatch[test]' for the tests of archives")

from benchmarks.archive import simulate


@pytest.mark.parametrize("workers", [1, 8, 64])
def test_no_worker_waits_for_photos(workers):
    found = simulate(workers * 60, workers, 0.25, with_driver=False)
    assert found.efficiency > 0.9
