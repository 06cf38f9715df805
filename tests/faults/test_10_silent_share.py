"""Silent share.

The daemon's observer drops every event, as a share does with those of other machines.
"""

from __future__ import annotations

import signal
import time

import pytest

from tests.faults.photos import landscape
from tests.faults.watched import DEAF, DaemonElsewhere, seconds_until

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def daemon(tmp_path):
    process = DaemonElsewhere(tmp_path)
    process.program = ("-c", DEAF)
    yield process
    process.stop(signal.SIGKILL)


def test_everything_is_found_within_a_reconcile(daemon, soak, measured):
    rescan_seconds, count = (300, 200) if soak else (4, 20)
    daemon.write_settings(watching={"settle_seconds": 0.5, "rescan_seconds": rescan_seconds})
    daemon.start()
    time.sleep(1)  # the scan at the start is over
    wanted = [f"{number % 5}/{number:03}.jpg" for number in range(count)]
    for number, name in enumerate(wanted):
        (daemon.inbox / name).parent.mkdir(exist_ok=True)
        (daemon.inbox / name).write_bytes(landscape(number))
    limit = 1.25 * rescan_seconds + 15
    seconds = seconds_until(daemon, lambda: daemon.outputs() == sorted(wanted), "all copies", limit)
    measured(f"{count} of {count} out {seconds:.0f} s after they came (scans {rescan_seconds} s apart)")
