"""Which disk a folder lies on, and whether that disk is there."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from facewatch.system.timeouts import TimedCalls

FSTAB = Path("/etc/fstab")
TABLE = Path("/proc/self/mounts")
NETWORK = frozenset({
    "9p", "acfs", "afpfs", "afs", "auristorfs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "gfs2",
    "glusterfs", "gpfs", "lustre", "ncp", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs", "prl_fs",
    "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs", "webdav",
})  # fmt: skip
"""File systems that others change without this kernel hearing of it: shares, and a virtual machine's host."""

FUSE = ("fuse", "macfuse", "osxfuse")
LOCAL_FUSE = frozenset({
    "fuseblk", "fuse.bindfs", "fuse.cryfs", "fuse.encfs", "fuse.exfat", "fuse.fuse-overlayfs",
    "fuse.gocryptfs", "fuse.mergerfs", "fuse.ntfs-3g", "fuse.securefs", "fuse.unionfs", "fuse.veracrypt",
    "fuse.zfs",
})  # fmt: skip


@dataclass(frozen=True)
class Mount:
    """One file system in its place."""

    point: str  # absolute
    kind: str  # as the system calls the type

    @property
    def remote(self) -> bool:
        """Whether others can change it unheard; what a program makes (FUSE) may be anything, and counts."""
        return self.kind in NETWORK or (self.kind.startswith(FUSE) and self.kind not in LOCAL_FUSE)


def mounted_file_systems() -> list[Mount]:
    """The file systems that are mounted, the later of two at one place after the earlier."""
    if sys.platform.startswith("linux"):
        return list(read_table(TABLE))
    found = psutil.disk_partitions(all=True)
    return [Mount(part.mountpoint, "cifs" if "remote" in part.opts else part.fstype) for part in found]


def fstab_mount_points() -> set[str]:
    """The places where the system's own list says that a file system belongs, whether it is there or not."""
    return {mount.point for mount in read_table(FSTAB)} - {"/"}


def read_table(file: Path) -> Iterator[Mount]:
    """The lines of a table in the form of fstab(5); none of a table that is missing or must not be read."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        fields = line.split()
        if len(fields) > 2 and fields[1].startswith(b"/") and not line.startswith(b"#"):
            point = re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8) & 255]), fields[1])
            yield Mount(os.fsdecode(point.rstrip(b"/") or b"/"), os.fsdecode(fields[2]))


class Disks:
    """Tells of folders whether the disk they are known to lie on is mounted; safe from any thread.

    earlier  what `sightings` told in an earlier run; anything of another form is left out

    Where a disk is away there is an empty folder in its place, or one that happens to hold something else:
    what is written there is hidden when the disk comes back.

    ask  for every question to a disk or share that may never answer
    """

    def __init__(
        self,
        earlier: Any = None,
        mounted: Callable[[], Sequence[Mount]] = mounted_file_systems,
        planned: Callable[[], set[str]] = fstab_mount_points,
        ask: TimedCalls | None = None,
    ) -> None:
        pairs = earlier.items() if isinstance(earlier, dict) else ()
        self._earlier = {
            name: point for name, point in pairs if isinstance(name, str) and isinstance(point, str)
        }
        self._seen: dict[str, str] = {}
        self._mounted = mounted
        self._planned = planned
        self._shares: frozenset[str] = frozenset()  # folders that were found to hold a share, or lie on one
        self._lock = threading.Lock()
        self.ask = ask or TimedCalls()

    def unavailable_reason(self, folder: Path) -> str:
        """Why `folder` must be neither read nor written now: its disk is not mounted, or does not answer.

        Empty: it may be.

        Its disk is the one it was seen on in this run; one that /etc/fstab has for a place at or above it;
        and the one it was seen on in an earlier run, as long as nothing lies at that one's place: somebody
        may have moved everything to another disk for good.
        """
        try:
            return self.ask(folder, lambda: self._away(folder))
        except TimeoutError:
            return f"the disk or share of {folder} does not answer: mend it, or its network"

    def has_folder(self, folder: Path) -> bool:
        """Whether a folder is there; what does not answer is not."""
        try:
            return self.ask(folder, lambda: os.path.isdir(folder))  # noqa: PTH112 - never raises
        except TimeoutError:
            return False

    def _away(self, folder: Path) -> str:
        name, place, mounts = str(folder), os.path.realpath(folder), self._mounted()
        points = {mount.point for mount in mounts}
        wanted = {os.path.realpath(point) for point in self._planned() if point not in points}
        missing = {point for point in wanted if _holds(point, place)}
        with self._lock:
            missing |= {point for point in (self._seen.get(name),) if point}
            missing |= {point for point in (self._earlier.get(name),) if point and _bare(point)}
            missing -= points
            if not missing:
                self._seen[name] = _mount_of(place, mounts).point
                return ""
        return f"the disk of {folder} is not mounted at {min(missing)}: mount it, or plug it in"

    def known_mount_points(self) -> dict[str, str]:
        """The folders asked about in this run and before, and where the disk was mounted that each lay on."""
        with self._lock:
            return {**self._earlier, **self._seen}

    def mounts(self, folder: Path) -> list[Mount]:
        """The file system that `folder` lies on, and those that are mounted below it."""
        place = os.path.realpath(folder)
        mounts = self._mounted()
        below = [mount for mount in mounts if mount.point != place and _holds(place, mount.point)]
        found = [_mount_of(place, mounts), *below]
        with self._lock:
            self._shares -= {str(folder)}
            if any(mount.remote for mount in found):
                self._shares |= {str(folder)}
        return found

    def stat(self, name: str) -> os.stat_result:
        """As `os.stat`, but of a file on a share that falls silent it raises TimeoutError in time."""
        share = next((folder for folder in self._shares if _holds(folder, name)), None)
        return os.stat(name) if share is None else self.ask(share, lambda: os.stat(name))  # noqa: PTH116 - 100,000


def _mount_of(place: str, mounts: Sequence[Mount]) -> Mount:
    holding = [mount for mount in mounts if _holds(mount.point, place)]
    if not holding:  # a share by its name: \\server\share
        return Mount(Path(place).anchor, "cifs" if place.startswith("\\\\") else "")
    return max(reversed(holding), key=lambda mount: len(mount.point))


def _holds(point: str, place: str) -> bool:
    return place == point or place.startswith(point.rstrip(os.sep) + os.sep)


def _bare(point: str) -> bool:
    try:
        with os.scandir(point) as entries:
            return not any(entries)
    except OSError:
        return True
