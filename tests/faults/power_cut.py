"""Disks that can lose their power: ext4 images on loop devices, copied in mid-flight."""

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
from facewatch.system.atomic import sha256_of
from tests.daemon_process import DaemonProcess
from tests.faults.kills import process_tree
from tests.faults.photos import is_complete
from tests.faults.requirements import require, require_root


class Disk:
    """An ext4 image mounted at `place`.

    What a program has written stays in the system's memory until it is synced or the system finds time for
    it; only then it is in the image's file. The loop device keeps the order of writes and has no cache that
    could lose them, like a disk that heeds every flush.
    """

    def __init__(self, images: Path, place: Path, megabytes: int) -> None:
        self.place = place
        self._images = images
        self._megabytes = megabytes
        self._copies = 0

    @property
    def _image(self) -> Path:
        return self._images / f"{self.place.name}-{self._copies}.img"

    def make(self) -> None:
        """Make an empty file system and mount it."""
        with self._image.open("wb") as file:
            file.truncate(self._megabytes << 20)
        # Blocks of 4 KiB, as on every large disk; by itself mkfs gives small ones blocks of 1 KiB.
        _run(
            "mkfs.ext4", "-q", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self._image)
        )
        self.place.mkdir(parents=True, exist_ok=True)
        self._mount()
        (self.place / "lost+found").rmdir()
        _run("sync", "-f", str(self.place))

    def lose_power(self) -> Path:
        """Copy the image as it is at this moment; nobody may be writing on the mounted disk."""
        copy = self._image.with_suffix(".copy")
        while True:
            shutil.copyfile(self._image, copy)
            if filecmp.cmp(self._image, copy, shallow=False):
                return copy
            # The system itself wrote meanwhile: such a copy is of no one moment.

    def come_back(self, copy: Path) -> None:
        """Mount what `lose_power` gave in place of the old state; its journal is replayed."""
        self.unmount()
        self._image.unlink()
        self._copies += 1
        copy.rename(self._image)
        self._mount()

    def unmount(self) -> None:
        for _ in range(100):
            done = subprocess.run(["umount", str(self.place)], capture_output=True, check=False)
            if done.returncode == 0 or b"not mounted" in done.stderr:
                return
            time.sleep(0.05)  # whoever was killed still has it
        raise AssertionError(done.stderr.decode())

    def _mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.place))


@dataclass(frozen=True)
class Loss:
    """What the ledger should have and has not, or has and should not; each a list of photos."""

    forgotten: list[str] = field(default_factory=list)  # were done before the cut, and no longer are
    hollow: list[str] = field(default_factory=list)  # are done, but the copy is missing or another

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.forgotten + other.forgotten, self.hollow + other.hollow)


class Machine:
    """A daemon whose state and whose copies lie each on a disk of its own."""

    def __init__(self, daemon: DaemonProcess, disks: Iterable[Disk]) -> None:
        self.daemon = daemon
        self.checked = 0  # rows that were done, over all cuts
        self._disks = list(disks)

    def cut(self) -> Loss:
        """Take the power away and give it back; what was lost by it. The daemon is not started again."""
        family = process_tree(self.daemon)
        for process in family:
            process.suspend()
        done = self._done()
        copies = [disk.lose_power() for disk in self._disks]
        self.switch_off(family)
        for disk, copy in zip(self._disks, copies, strict=True):
            disk.come_back(copy)
        try:
            after = self._done()
        except BadLedger:
            return Loss(forgotten=sorted(path.name for path in done))
        self.checked += len(after)
        return Loss(
            forgotten=sorted(path.name for path in done.keys() - after.keys()),
            hollow=sorted(path.name for path, job in after.items() if not _holds(job)),
        )

    def switch_off(self, family: Iterable[psutil.Process]) -> None:
        """End these processes, and wait until they are gone."""
        for process in family:
            process.kill()
        if self.daemon.process is not None:
            self.daemon.process.wait()
            self.daemon.process = None
        psutil.wait_procs(family, timeout=10)

    def _done(self) -> dict[Path, Job]:
        return {job.path: job for job in LedgerView(self.daemon.places.ledger).recent(10**6)}


@contextmanager
def powered(daemon: DaemonProcess, home: Path) -> Iterator[Machine]:
    """The daemon's state and output folders on disks of their own; skips where this is not allowed."""
    require("mkfs.ext4", "losetup", "mount", "umount")
    require_root()
    if subprocess.run(["losetup", "-f"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs loop devices, which this machine does not have or not allow")
    memory = home / "memory"
    memory.mkdir()
    disks = [Disk(memory, daemon.places.state, 48), Disk(memory, daemon.output, 64)]
    machine = Machine(daemon, disks)
    _run("mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(memory))
    try:
        for disk in disks:
            disk.make()
        yield machine
    finally:
        if daemon.process is not None:
            machine.switch_off(process_tree(daemon) if daemon.process.poll() is None else [])
        for disk in disks:
            disk.unmount()
        _run("umount", str(memory))


def _holds(job: Job) -> bool:
    return (
        job.output is not None
        and job.output.is_file()
        and sha256_of(job.output) == job.output_sha256
        and is_complete(job.output)
    )


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
