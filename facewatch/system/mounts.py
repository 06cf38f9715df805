"""Mounted file systems, and the disks that watched folders need."""

from __future__ import annotations

import ctypes
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
MOUNT_TABLE = Path("/proc/self/mounts")
REMOTE_KINDS = frozenset({
    "9p", "acfs", "afpfs", "afs", "auristorfs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "gfs2",
    "glusterfs", "gpfs", "lustre", "ncp", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs", "prl_fs",
    "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs", "webdav",
})  # fmt: skip
"""File systems that others change without notice to this kernel: shares, and a virtual machine's host."""

DRIVE_NO_ROOT_DIR, DRIVE_REMOTE = 1, 4  # fileapi.h, GetDriveTypeW

FUSE = ("fuse", "macfuse", "osxfuse")
LOCAL_FUSE = frozenset({
    "fuseblk", "fuse.bindfs", "fuse.cryfs", "fuse.encfs", "fuse.exfat", "fuse.fuse-overlayfs",
    "fuse.gocryptfs", "fuse.mergerfs", "fuse.ntfs-3g", "fuse.securefs", "fuse.unionfs", "fuse.veracrypt",
    "fuse.zfs",
})  # fmt: skip


@dataclass(frozen=True)
class Mount:
    """One mounted file system."""

    point: str  # absolute
    kind: str  # as the system calls the type

    @property
    def remote(self) -> bool:
        """True if others can change it without notice to this kernel; so may any unknown FUSE file system."""
        return self.kind in REMOTE_KINDS or (self.kind.startswith(FUSE) and self.kind not in LOCAL_FUSE)


def mounted_file_systems() -> list[Mount]:
    """Return the mounted file systems in mount order, so that a later mount at the same point comes last."""
    if sys.platform.startswith("linux"):
        return list(read_table(MOUNT_TABLE))
    if sys.platform == "win32":
        return windows_drives()
    return [Mount(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True)]


if sys.platform == "win32":

    def windows_drives() -> list[Mount]:
        """Return the drives that have a letter, without asking any of them.

        psutil reads each drive's label, which takes minutes for a share whose server is gone: no folder on
        any other drive would seem to answer.
        """
        kernel = ctypes.windll.kernel32
        letters = kernel.GetLogicalDrives()
        drives = [f"{chr(ord('A') + bit)}:\\" for bit in range(26) if letters >> bit & 1]
        kinds = {drive: kernel.GetDriveTypeW(drive) for drive in drives}
        return [
            Mount(drive, "cifs" if kind == DRIVE_REMOTE else "")
            for drive, kind in kinds.items()
            if kind != DRIVE_NO_ROOT_DIR
        ]


def fstab_mount_points() -> set[str]:
    """Return the mount points that /etc/fstab lists, mounted or not."""
    return {mount.point for mount in read_table(FSTAB)} - {"/"}


def read_table(file: Path) -> Iterator[Mount]:
    """Yield the mounts in a table of the fstab(5) format; none if the file cannot be read."""
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
    """Checks whether the disks that folders are known to be on are mounted; thread-safe.

    An unmounted disk leaves an empty folder, or one with other content: files written there are hidden when
    the disk comes back.

    earlier  `known_mount_points` of an earlier run; malformed entries are ignored
    ask      runs every call to a disk or share that may never answer
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
        """Return why `folder` must not be read or written now; empty if it may be.

        A folder needs the disk that it was on earlier in this run, every disk that /etc/fstab lists at or
        above it, and the disk that it was on in an earlier run, unless that mount point has content now: the
        user may have moved everything to another disk for good.
        """
        try:
            return self.ask(folder, lambda: self._unmounted_reason(folder))
        except TimeoutError:
            return f"the disk or share of {folder} does not answer: check it and its network"

    def has_folder(self, folder: Path) -> bool:
        """Return True if the folder exists; False if its disk does not answer."""
        try:
            return self.ask(folder, lambda: os.path.isdir(folder))  # noqa: PTH112 - never raises
        except TimeoutError:
            return False

    def _unmounted_reason(self, folder: Path) -> str:
        name, place, mounts = str(folder), os.path.realpath(folder), self._mounted()
        points = {mount.point for mount in mounts}
        planned = {os.path.realpath(point) for point in self._planned() if point not in points}
        missing = {point for point in planned if _contains(point, place)}
        with self._lock:
            missing |= {point for point in (self._seen.get(name),) if point}
            missing |= {point for point in (self._earlier.get(name),) if point and _is_empty(point)}
            missing -= points
            if not missing:
                point = _mount_of(place, mounts).point
                self._seen[name] = point if point in points else ""  # no drive: a share by its name
                return ""
        return f"the disk of {folder} is not mounted at {min(missing)}: mount it, or plug it in"

    def known_mount_points(self) -> dict[str, str]:
        """Return the mount point of the disk of each folder checked in this run or before."""
        with self._lock:
            return {**self._earlier, **self._seen}

    def mounts(self, folder: Path) -> list[Mount]:
        """Return the file system that `folder` is on, then those mounted below it."""
        place = os.path.realpath(folder)
        mounts = self._mounted()
        below = [mount for mount in mounts if mount.point != place and _contains(place, mount.point)]
        found = [_mount_of(place, mounts), *below]
        with self._lock:
            self._shares -= {str(folder)}
            if any(mount.remote for mount in found):
                self._shares |= {str(folder)}
        return found

    def stat(self, name: str) -> os.stat_result:
        """Return `os.stat`; a file on a share that does not answer raises TimeoutError."""
        share = next((folder for folder in self._shares if _contains(folder, name)), None)
        return os.stat(name) if share is None else self.ask(share, lambda: os.stat(name))  # noqa: PTH116 - 100,000


def _mount_of(place: str, mounts: Sequence[Mount]) -> Mount:
    containing = [mount for mount in mounts if _contains(mount.point, place)]
    if not containing:  # a share by its name: \\server\share
        return Mount(Path(place).anchor, "cifs" if place.startswith("\\\\") else "")
    return max(reversed(containing), key=lambda mount: len(mount.point))


def _contains(point: str, place: str) -> bool:
    return place == point or place.startswith(point.rstrip(os.sep) + os.sep)


def _is_empty(point: str) -> bool:
    try:
        with os.scandir(point) as entries:
            return not any(entries)
    except OSError:
        return True
