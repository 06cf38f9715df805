"""Unmounted.

In a separate mount namespace (unshare) the disk of the watched folder, or of the output folder, is unmounted
lazily while the daemon runs and mounted again; and it is absent when the daemon starts. At the default size
the daemon checks its folders every 2 s instead of every 10.
"""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from facewatch.state.ledger import LedgerView
from tests.faults.daemons import FAST_CHECKS, WrappedDaemon, problems, seconds_until
from tests.faults.photos import landscape
from tests.faults.requirements import require, require_root

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(240)]


class Namespace:
    """A mount namespace: only processes started with the prefix `enter` see its mounts."""

    def __init__(self, folder: Path) -> None:
        holder = ["unshare", "-m", "--propagation", "private", "sh", "-c", "echo; exec sleep 100000"]
        self._holder = subprocess.Popen(holder, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        self._holder.stdout.readline()  # the namespace exists
        self.enter = ("nsenter", "-t", str(self._holder.pid), "-m")
        self._disk = folder / "disk"
        self._disk.mkdir()
        self.run("mount", "-t", "tmpfs", "tmpfs", str(self._disk))

    def run(self, *command: str) -> None:
        subprocess.run([*self.enter, *command], check=True)

    def mount(self, point: Path) -> None:
        """Mount the disk, with its content, at `point`."""
        self.run("mount", "--bind", str(self._disk), str(point))

    def unmount(self, point: Path) -> None:
        self.run("umount", "-l", str(point))

    def inside(self, path: Path) -> Path:
        """Return the path through which this process reaches `path` inside the namespace."""
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()


@pytest.fixture
def namespace(tmp_path):
    require("unshare", "nsenter")
    require_root()
    namespace = Namespace(tmp_path)
    yield namespace
    namespace.close()


@pytest.fixture
def daemon(tmp_path, namespace, soak):
    process = WrappedDaemon(tmp_path)
    process.prefix = namespace.enter
    if not soak:
        process.program = ("-c", FAST_CHECKS)
    yield process
    process.stop(signal.SIGKILL)


def alert_texts(daemon) -> str:
    """Return the texts of the daemon's alerts."""
    alerts = LedgerView(daemon.places.ledger).fact("troubles") or {}
    return "; ".join(alert["text"] for alert in alerts.values())


def is_bare(folder) -> bool:
    """True if the folder is empty outside the namespace, that is below a mount inside it."""
    return not any(folder.iterdir())


def drop(namespace, folder, *names):
    for name in names:
        (namespace.inside(folder) / name).write_bytes(landscape(sum(name.encode())))


def copies(namespace, folder):
    return sorted(path.name for path in namespace.inside(folder).glob("*.jpg"))


def test_an_unmounted_watched_disk_is_offline_and_its_jobs_wait(daemon, namespace, notice_seconds, measured):
    restored = daemon.inbox / "Restored"  # also on the disk
    daemon.write_settings(folders=[{"input": str(daemon.inbox), "output": str(restored)}])
    namespace.mount(daemon.inbox)
    daemon.start()
    drop(namespace, daemon.inbox, "a.jpg", "b.jpg")
    daemon.wait_for(lambda: copies(namespace, restored) == ["a.jpg", "b.jpg"], "two copies")
    daemon.wait_for(lambda: daemon.counts()["no_faces"] == 2, "two finished photos")
    daemon.write_settings(paused=True)
    time.sleep(2)  # a config is read a second after its last change
    drop(namespace, daemon.inbox, "c.jpg", "d.jpg", "e.jpg")
    daemon.wait_for(lambda: daemon.counts()["queued"] == 3, "three in the queue")
    namespace.unmount(daemon.inbox)
    daemon.write_settings(paused=False)
    offline = seconds_until(
        daemon, lambda: "not mounted" in problems(daemon), "the disk to be reported", notice_seconds
    )
    assert daemon.counts()["queued"] == 3
    assert is_bare(daemon.inbox)
    namespace.mount(daemon.inbox)
    names = [f"{letter}.jpg" for letter in "abcde"]
    back = seconds_until(daemon, lambda: copies(namespace, restored) == names, "all copies", 40)
    drop(namespace, daemon.inbox, "f.jpg")
    daemon.wait_for(lambda: copies(namespace, restored) == [*names, "f.jpg"], "one more copy", 60)
    assert is_bare(daemon.inbox)
    measured(f"offline after {offline:.1f} s, 3 jobs kept, all done {back:.1f} s after the disk was back")


def test_the_bare_mount_point_of_an_output_disk_is_not_written_to(daemon, namespace, measured):
    daemon.output.mkdir()
    namespace.mount(daemon.output)
    daemon.start()
    drop(namespace, daemon.inbox, "a.jpg")
    daemon.wait_for(lambda: copies(namespace, daemon.output) == ["a.jpg"], "the first copy")
    namespace.unmount(daemon.output)
    drop(namespace, daemon.inbox, "b.jpg", "c.jpg")
    daemon.wait_for(lambda: daemon.counts()["queued"] == 2, "two in the queue")
    daemon.wait_for(lambda: "not mounted" in alert_texts(daemon), "the alert", 12)
    assert is_bare(daemon.output)
    namespace.mount(daemon.output)
    daemon.wait_for(lambda: copies(namespace, daemon.output) == ["a.jpg", "b.jpg", "c.jpg"], "all copies", 40)
    assert is_bare(daemon.output)
    measured("output disk absent: its 2 jobs waited, nothing on the bare mount point")
    assert daemon.stop() == 0
    namespace.unmount(daemon.output)
    assert_start_without_disk(daemon, namespace)


def test_a_disk_in_fstab_that_is_absent_at_the_start_is_recognised(daemon, namespace, tmp_path):
    daemon.output.mkdir()
    (tmp_path / "fstab").write_text(f"UUID=1 {daemon.output} ext4 noauto 0 0\n", "utf-8")
    namespace.run("mount", "--bind", str(tmp_path / "fstab"), "/etc/fstab")
    assert_start_without_disk(daemon, namespace)


def assert_start_without_disk(daemon, namespace):
    """Start without the output disk: a photo waits until the disk is mounted."""
    drop(namespace, daemon.inbox, "late.jpg")
    daemon.start()
    daemon.wait_for(lambda: "not mounted" in alert_texts(daemon), "the alert", 60)
    daemon.wait_for(lambda: daemon.counts()["queued"] == 1, "one in the queue")
    assert is_bare(daemon.output)
    namespace.mount(daemon.output)
    daemon.wait_for(lambda: "late.jpg" in copies(namespace, daemon.output), "the copy", 40)
    assert is_bare(daemon.output)
