"""Simulated power cuts: ext4 images on loop devices, copied while a daemon writes to them."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from facewatch.errors import BadLedger
from facewatch.state.ledger import Job, LedgerView
from facewatch.system.opened import sha256_of
from tests.daemon_process import DaemonProcess
from tests.faults.kills import process_tree
from tests.faults.photos import is_complete
from tests.faults.requirements import require, require_root


class Disk:
    """An ext4 image mounted at `mount_point`.

    Written data stay in the system's memory until they are synced or the system flushes them; only then are
    they in the image's file. The loop device keeps the order of writes and has no cache that could lose
    them, like a disk that honours every flush.
    """

    def __init__(self, images: Path, mount_point: Path, megabytes: int) -> None:
        self.mount_point = mount_point
        self._images = images
        self._megabytes = megabytes
        self._restores = 0

    @property
    def _image(self) -> Path:
        return self._images / f"{self.mount_point.name}-{self._restores}.img"

    def create(self) -> None:
        """Create an empty file system and mount it."""
        with self._image.open("wb") as file:
            file.truncate(self._megabytes << 20)
        # Blocks of 4 KiB, as on every large disk; the default for small ones is 1 KiB.
        _run(
            "mkfs.ext4", "-q", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self._image)
        )
        self.mount_point.mkdir(parents=True, exist_ok=True)
        self._mount()
        (self.mount_point / "lost+found").rmdir()
        _run("sync", "-f", str(self.mount_point))

    def snapshot(self) -> Path:
        """Copy the image in its present state; no process may be writing to the mounted disk."""
        copy = self._image.with_suffix(".copy")
        while True:
            shutil.copyfile(self._image, copy)
            if filecmp.cmp(self._image, copy, shallow=False):
                return copy
            # The system flushed data meanwhile, so the copy mixes two states.

    def restore(self, copy: Path) -> None:
        """Mount a `snapshot` in place of the present image; mounting replays its journal."""
        self.unmount()
        self._image.unlink()
        self._restores += 1
        copy.rename(self._image)
        self._mount()

    def unmount(self) -> None:
        for _ in range(100):
            run = subprocess.run(["umount", str(self.mount_point)], capture_output=True, check=False)
            if run.returncode == 0 or b"not mounted" in run.stderr:
                return
            time.sleep(0.05)  # a killed process still uses it
        raise AssertionError(run.stderr.decode())

    def _mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.mount_point))


@dataclass(frozen=True)
class LedgerLoss:
    """Lists of photos whose row in the ledger is wrong after a power cut."""

    forgotten: list[str] = field(default_factory=list)  # done before the cut, and no longer
    without_copy: list[str] = field(default_factory=list)  # done, but the copy is missing or different

    def __add__(self, other: LedgerLoss) -> LedgerLoss:
        return LedgerLoss(self.forgotten + other.forgotten, self.without_copy + other.without_copy)


class PoweredDaemon:
    """A daemon whose state folder and output folder are on separate disks that can lose power."""

    def __init__(self, daemon: DaemonProcess, disks: Iterable[Disk]) -> None:
        self.daemon = daemon
        self.checked = 0  # rows with the state done, over all cuts
        self._disks = list(disks)

    def cut_power(self) -> LedgerLoss:
        """Cut the power and restore it, without starting the daemon again; return what was lost."""
        processes = process_tree(self.daemon)
        for process in processes:
            process.suspend()
        before = self._done()
        copies = [disk.snapshot() for disk in self._disks]
        self.switch_off(processes)
        for disk, copy in zip(self._disks, copies, strict=True):
            disk.restore(copy)
        try:
            after = self._done()
        except BadLedger:
            return LedgerLoss(forgotten=sorted(path.name for path in before))
        self.checked += len(after)
        return LedgerLoss(
            forgotten=sorted(path.name for path in before.keys() - after.keys()),
            without_copy=sorted(path.name for path, job in after.items() if not _has_valid_copy(job)),
        )

    def switch_off(self, processes: Iterable[psutil.Process]) -> None:
        """Kill these processes and wait until they are gone."""
        for process in processes:
            process.kill()
        if self.daemon.process is not None:
            self.daemon.process.wait()
            self.daemon.process = None
        psutil.wait_procs(processes, timeout=10)

    def _done(self) -> dict[Path, Job]:
        return {job.path: job for job in LedgerView(self.daemon.places.ledger).recent(10**6)}


@contextmanager
def on_separate_disks(daemon: DaemonProcess, home: Path) -> Iterator[PoweredDaemon]:
    """Put the daemon's state and output folders on separate disks; skip the test where that is impossible."""
    require("mkfs.ext4", "losetup", "mount", "umount")
    require_root()
    if subprocess.run(["losetup", "-f"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs loop devices, which this machine lacks or does not allow")
    memory = home / "memory"
    memory.mkdir()
    disks = [Disk(memory, daemon.places.state, 48), Disk(memory, daemon.output, 64)]
    powered = PoweredDaemon(daemon, disks)
    _run("mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(memory))
    try:
        for disk in disks:
            disk.create()
        yield powered
    finally:
        if daemon.process is not None:
            powered.switch_off(process_tree(daemon) if daemon.process.poll() is None else [])
        for disk in disks:
            disk.unmount()
        _run("umount", str(memory))


def _has_valid_copy(job: Job) -> bool:
    return (
        job.output is not None
        and job.output.is_file()
        and sha256_of(job.output) == job.output_sha256
        and is_complete(job.output)
    )


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
