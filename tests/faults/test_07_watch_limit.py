"""Watch limit.

In a separate user namespace (unshare) the daemon may watch 20 folders, and has 40.
"""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.faults.daemons import WrappedDaemon, problems, seconds_until
from tests.faults.photos import landscape
from tests.faults.requirements import require

pytestmark = pytest.mark.timeout(240)
FOLDERS = 40
LIMITED = ("unshare", "-Ur", "sh", "-c", 'echo 20 > /proc/sys/user/max_inotify_watches && exec "$@"', "sh")


@pytest.fixture
def daemon(tmp_path):
    require("unshare")
    trial = subprocess.run([*LIMITED, "true"], capture_output=True, check=False)
    if trial.returncode != 0:
        pytest.skip(f"needs a user namespace with its own limit: {trial.stderr.decode().strip()}")
    process = WrappedDaemon(tmp_path)
    process.prefix = LIMITED
    yield process
    process.stop(signal.SIGKILL)


def test_folders_beyond_the_limit_are_reported_and_found_by_scans(daemon, soak, measured):
    rescan_seconds = 300 if soak else 5
    daemon.write_settings(watching={"settle_seconds": 0.5, "rescan_seconds": rescan_seconds})
    for number in range(FOLDERS):
        (daemon.inbox / f"{number:02}").mkdir()
    daemon.start()
    reported = seconds_until(daemon, lambda: "degraded" in problems(daemon), "the limit to be reported", 60)
    assert "fs.inotify.max_user_watches" in problems(daemon)
    expected = [f"{number:02}/a.jpg" for number in range(FOLDERS)]
    for number, name in enumerate(expected):
        (daemon.inbox / name).write_bytes(landscape(number))
    # Folders that are not watched are scanned at least every 30 s.
    limit = min(1.25 * rescan_seconds, 30) + 10
    found = seconds_until(daemon, lambda: daemon.outputs() == expected, "a copy from each folder", limit)
    measured(
        f"limit reported after {reported:.0f} s; {FOLDERS} of {FOLDERS} copies {found:.0f} s after the photos"
    )
