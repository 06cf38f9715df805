"""Watch limit.

In a user namespace of its own (unshare) the daemon may watch 20 folders, and has 40 of them.
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
        pytest.skip(f"needs a user namespace with a limit of its own: {trial.stderr.decode().strip()}")
    process = WrappedDaemon(tmp_path)
    process.prefix = LIMITED
    yield process
    process.stop(signal.SIGKILL)


def test_what_cannot_be_watched_is_told_and_found_by_looking(daemon, soak, measured):
    rescan_seconds = 300 if soak else 5
    daemon.write_settings(watching={"settle_seconds": 0.5, "rescan_seconds": rescan_seconds})
    for number in range(FOLDERS):
        (daemon.inbox / f"{number:02}").mkdir()
    daemon.start()
    told = seconds_until(daemon, lambda: "degraded" in problems(daemon), "degraded to be told", 20)
    assert "fs.inotify.max_user_watches" in problems(daemon)
    wanted = [f"{number:02}/a.jpg" for number in range(FOLDERS)]
    for number, name in enumerate(wanted):
        (daemon.inbox / name).write_bytes(landscape(number))
    # Such folders are looked through every 30 s, if that is sooner.
    limit = min(1.25 * rescan_seconds, 30) + 10
    found = seconds_until(daemon, lambda: daemon.outputs() == wanted, "a copy from each folder", limit)
    measured(f"degraded told after {told:.0f} s; {FOLDERS} of {FOLDERS} {found:.0f} s after they came")
