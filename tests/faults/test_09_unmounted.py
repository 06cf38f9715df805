"""Unmounted.

In a mount namespace of its own (unshare) the disk of the watched folder, or of the output, is unmounted
lazily under the daemon and mounted again; and it is away when the daemon starts. At the everyday size the
daemon looks at its folders every 2 s instead of every 10.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from facewatch.state.ledger import LedgerView
from tests.faults.daemons import FAST_CHECKS, WrappedDaemon, problems, seconds_until
from tests.faults.photos import landscape
from tests.faults.requirements import require, require_root

pytestmark = [pytest.mark.needs_root, pytest.mark.timeout(240)]


class Namespace:
    """Mounts that only the processes begun with `enter` see; from outside a mount point is bare."""

    def __init__(self, folder: Path) -> None:
        holder = ["unshare", "-m", "--propagation", "private", "sh", "-c", "echo; exec sleep 100000"]
        self._holder = subprocess.Popen(holder, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        self._holder.stdout.readline()  # the namespace is there
        self.enter = ("nsenter", "-t", str(self._holder.pid), "-m")
        self._disk = folder / "disk"
        self._disk.mkdir()
        self.run("mount", "-t", "tmpfs", "tmpfs", str(self._disk))

    def run(self, *command: str) -> None:
        subprocess.run([*self.enter, *command], check=True)

    def mount(self, point: Path) -> None:
        """Put the disk there, with all that is on it."""
        self.run("mount", "--bind", str(self._disk), str(point))

    def unmount(self, point: Path) -> None:
        self.run("umount", "-l", str(point))

    def inside(self, path: Path) -> Path:
        """The same path as the processes inside see it."""
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()


@pytest.fixture
def space(tmp_path):
    require("unshare", "nsenter")
    require_root()
    space = Namespace(tmp_path)
    yield space
    space.close()


@pytest.fixture
def daemon(tmp_path, space, soak):
    process = WrappedDaemon(tmp_path)
    process.prefix = space.enter
    if not soak:
        process.program = ("-c", FAST_CHECKS)
    yield process
    process.stop(signal.SIGKILL)


def troubles(daemon) -> str:
    """What the daemon says of its output folders."""
    told = LedgerView(daemon.places.ledger).fact("troubles") or {}
    return "; ".join(trouble["text"] for trouble in told.values())


def bare(folder) -> bool:
    """Whether nothing lies there as this process sees it: below the mount, if there is one."""
    return not any(folder.iterdir())


def drop(space, folder, *names):
    for name in names:
        (space.inside(folder) / name).write_bytes(landscape(sum(name.encode())))


def copies(space, folder):
    return sorted(path.name for path in space.inside(folder).glob("*.jpg"))


def test_a_watched_disk_that_goes_is_offline_and_its_jobs_wait(daemon, space, notice_seconds, measured):
    restored = daemon.inbox / "Restored"  # on the disk as well
    daemon.write_settings(folders=[{"input": str(daemon.inbox), "output": str(restored)}])
    space.mount(daemon.inbox)
    daemon.start()
    drop(space, daemon.inbox, "a.jpg", "b.jpg")
    daemon.wait_for(lambda: copies(space, restored) == ["a.jpg", "b.jpg"], "two copies")
    daemon.wait_for(lambda: daemon.counts()["no_faces"] == 2, "two ends")
    daemon.write_settings(paused=True)
    drop(space, daemon.inbox, "c.jpg", "d.jpg", "e.jpg")
    daemon.wait_for(lambda: daemon.counts()["queued"] == 3, "three in the queue")
    space.unmount(daemon.inbox)
    daemon.write_settings(paused=False)
    offline = seconds_until(daemon, lambda: "not mounted" in problems(daemon), "offline", notice_seconds)
    assert daemon.counts()["queued"] == 3
    assert bare(daemon.inbox)
    space.mount(daemon.inbox)
    names = [f"{letter}.jpg" for letter in "abcde"]
    back = seconds_until(daemon, lambda: copies(space, restored) == names, "all copies", 40)
    drop(space, daemon.inbox, "f.jpg")
    daemon.wait_for(lambda: copies(space, restored) == [*names, "f.jpg"], "one more copy", 20)
    assert bare(daemon.inbox)
    measured(f"offline after {offline:.1f} s, 3 jobs kept, all done {back:.1f} s after the disk was back")


def test_the_bare_mount_point_of_an_output_disk_is_not_written_to(daemon, space, measured):
    daemon.output.mkdir()
    space.mount(daemon.output)
    daemon.start()
    drop(space, daemon.inbox, "a.jpg")
    daemon.wait_for(lambda: copies(space, daemon.output) == ["a.jpg"], "the first copy")
    space.unmount(daemon.output)
    drop(space, daemon.inbox, "b.jpg", "c.jpg")
    daemon.wait_for(lambda: daemon.counts()["queued"] == 2, "two in the queue")
    daemon.wait_for(lambda: "not mounted" in troubles(daemon), "the trouble to be told", 12)
    assert bare(daemon.output)
    space.mount(daemon.output)
    daemon.wait_for(lambda: copies(space, daemon.output) == ["a.jpg", "b.jpg", "c.jpg"], "all copies", 40)
    assert bare(daemon.output)
    measured("an output disk away: its 2 jobs waited, nothing on the bare mount point")
    assert daemon.stop() == 0
    space.unmount(daemon.output)
    starts_without_its_disk(daemon, space)


def test_a_disk_of_the_fstab_that_is_away_at_the_start_is_known(daemon, space, tmp_path):
    daemon.output.mkdir()
    (tmp_path / "fstab").write_text(f"UUID=1 {daemon.output} ext4 noauto 0 0\n", "utf-8")
    space.run("mount", "--bind", str(tmp_path / "fstab"), "/etc/fstab")
    starts_without_its_disk(daemon, space)


def starts_without_its_disk(daemon, space):
    """A photo waits for an output disk that is away when the daemon starts."""
    drop(space, daemon.inbox, "late.jpg")
    daemon.start()
    daemon.wait_for(lambda: "not mounted" in troubles(daemon), "the trouble to be told", 20)
    daemon.wait_for(lambda: daemon.counts()["queued"] == 1, "one in the queue")
    assert bare(daemon.output)
    space.mount(daemon.output)
    daemon.wait_for(lambda: "late.jpg" in copies(space, daemon.output), "the copy", 40)
    assert bare(daemon.output)
