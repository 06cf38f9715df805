"""The condition of a watched folder: available, still the same, local or on a share."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.observers.api import ObservedWatch

from facewatch.system.mounts import Disks
from facewatch.watcher.filters import WatchedFolder, enters_folder

Identity = tuple[int, int]
"""st_dev and st_ino."""

SHARE_SETTLE_SECONDS = 30.0  # the view of a file on a share can lag behind its writer


@dataclass
class Root:
    """A watched folder and its present condition."""

    watch: WatchedFolder
    identity: Identity | None = None  # None: offline
    share: str = ""  # type of the network file system at or below it; empty: none
    observed: ObservedWatch | None = None  # None: no events arrive from it
    problem: str = ""
    unreadable: dict[str, str] = field(default_factory=dict)  # folders below it -> why
    folders: int = 0  # read by the last scan
    passed_over: Counter[str] = field(default_factory=Counter)  # files that are no photos, by kind

    @property
    def online(self) -> bool:
        """True if the folder is available."""
        return self.identity is not None

    @property
    def settle_seconds(self) -> float:
        """The least time for which its files have to be quiet."""
        return SHARE_SETTLE_SECONDS if self.share else 0.0

    def look(self, disks: Disks) -> tuple[Identity | None, str]:
        """Return the folder's identity, or None and the reason why it is not available.

        A bare mount point is not the folder: its file system is missing, and files written there would be
        hidden once it is mounted.
        """
        status, why = None, ""
        try:
            # The dot makes an automounter mount the folder, which a stat of its name alone does not.
            status = disks.ask(self.watch.root, lambda: os.stat(os.path.join(self.watch.root, ".")))  # noqa: PTH116, PTH118 - pathlib drops the dot
        except OSError as error:
            why = f"the folder {self.watch.root} is missing ({error.strerror or error})"
        why = disks.unavailable_reason(self.watch.root) or why
        if why or status is None:
            return None, why
        if not stat.S_ISDIR(status.st_mode):
            return None, f"{self.watch.root} is not a folder"
        return (status.st_dev, status.st_ino), ""

    def share_on(self, disks: Disks) -> str:
        """Return the type of the network file system that holds any of its photos; empty: none."""
        try:
            return disks.ask(self.watch.root, lambda: self._share_on(disks))
        except TimeoutError:
            return self.share  # the next check finds it offline

    def _share_on(self, disks: Disks) -> str:
        here, *below = disks.mounts(self.watch.root)
        place = os.path.realpath(self.watch.root)
        inside = {mount: self.watch.root / os.path.relpath(mount.point, place) for mount in below}
        relevant = [here, *(mount for mount, folder in inside.items() if enters_folder(self.watch, folder))]
        return next((mount.kind for mount in relevant if mount.remote), "")

    def problems(self) -> list[str]:
        """Return the problems to show to the user."""
        found = [self.problem] if self.problem else []
        return found + [f"cannot read the folder {folder}: {why}" for folder, why in self.unreadable.items()]


def kernel_watches() -> int | None:
    """Return the number of folders that the kernel watches for this process; None except on Linux.

    watchdog silently leaves out folders beyond the limit; the kernel's own list (the `inotify` lines in
    /proc/self/fdinfo, see proc(5)) does not have them.
    """
    listing = Path("/proc/self/fdinfo")
    if not sys.platform.startswith("linux") or not listing.is_dir():
        return None
    count = 0
    for entry in listing.iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            count += entry.read_text(encoding="ascii").count("inotify wd:")
    return count
