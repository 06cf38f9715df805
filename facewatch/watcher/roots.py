"""Whether a watched folder is there, still the same one, and on what kind of disk."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.observers.api import ObservedWatch

from facewatch.system.mounts import Disks
from facewatch.watcher.filters import WatchedFolder, enters_folder

Identity = tuple[int, int]
"""st_dev and st_ino."""

SHARE_SETTLE_SECONDS = 30.0  # what is seen of a file on a share can lag behind its writer


@dataclass
class Root:
    """A watched folder as it is now."""

    watch: WatchedFolder
    identity: Identity | None = None  # None: offline
    share: str = ""  # the type of the network file system it lies on or has below it; empty: none
    observed: ObservedWatch | None = None  # None: no events come from it
    problem: str = ""
    unreadable: dict[str, str] = field(default_factory=dict)  # folders below it -> why
    folders: int = 0  # read by the last scan

    @property
    def online(self) -> bool:
        """Whether the folder is there."""
        return self.identity is not None

    @property
    def settle_seconds(self) -> float:
        """How long a file in it has to be quiet at least."""
        return SHARE_SETTLE_SECONDS if self.share else 0.0

    def look(self, disks: Disks) -> tuple[Identity | None, str]:
        """The identity of what is at the path now, or None and why the folder is not there.

        A bare mount point is not the folder either: its file system is away, and what is written there would
        be hidden when it comes back.
        """
        status, why = None, ""
        try:
            # The dot makes an automounter mount what a look at the folder alone leaves away.
            status = disks.ask(self.watch.root, lambda: os.stat(os.path.join(self.watch.root, ".")))  # noqa: PTH116, PTH118 - pathlib drops the dot
        except OSError as error:
            why = f"the folder {self.watch.root} is missing ({error.strerror or error})"
        why = disks.unavailable_reason(self.watch.root) or why
        if why or status is None:
            return None, why
        if not stat.S_ISDIR(status.st_mode):
            return None, f"{self.watch.root} is no folder"
        return (status.st_dev, status.st_ino), ""

    def share_on(self, disks: Disks) -> str:
        """The type of the network file system that its photos lie on, or some of them; empty: none."""
        try:
            return disks.ask(self.watch.root, lambda: self._share_on(disks))
        except TimeoutError:
            return self.share  # the next look finds it offline

    def _share_on(self, disks: Disks) -> str:
        here, *below = disks.mounts(self.watch.root)
        place = os.path.realpath(self.watch.root)
        inside = {mount: self.watch.root / os.path.relpath(mount.point, place) for mount in below}
        looked_at = [here, *(mount for mount, folder in inside.items() if enters_folder(self.watch, folder))]
        return next((mount.kind for mount in looked_at if mount.remote), "")

    def problems(self) -> list[str]:
        """What a user should know about it."""
        told = [self.problem] if self.problem else []
        return told + [f"cannot read the folder {folder}: {why}" for folder, why in self.unreadable.items()]


def kernel_watches() -> int | None:
    """How many folders the kernel watches for this process; None where it does not say (other than Linux).

    watchdog leaves folders beyond the limit out without a word; the kernel's own list (the `inotify` lines in
    /proc/self/fdinfo, see proc(5)) shows them missing.
    """
    listing = Path("/proc/self/fdinfo")
    if not sys.platform.startswith("linux") or not listing.is_dir():
        return None
    count = 0
    for entry in listing.iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            count += entry.read_text(encoding="ascii").count("inotify wd:")
    return count
