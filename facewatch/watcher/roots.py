"""Whether a watched folder is there, and still the same one."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.observers.api import ObservedWatch

from facewatch.watcher.rules import Watch

Identity = tuple[int, int]
"""st_dev and st_ino."""


@dataclass
class Root:
    """A watched folder as it is now."""

    watch: Watch
    identity: Identity | None = None  # None: offline
    mount: Path | None = None  # the mount point it was last seen below
    observed: ObservedWatch | None = None  # None: no events come from it
    problem: str = ""
    unreadable: dict[str, str] = field(default_factory=dict)  # folders below it -> why
    folders: int = 0  # read by the last scan

    @property
    def online(self) -> bool:
        """Whether the folder is there."""
        return self.identity is not None

    def look(self) -> Identity | None:
        """The identity of what is at the path now; None where the folder is missing.

        A bare mount point is not the folder either: its file system is away, and what is written there would
        be hidden when it comes back.
        """
        try:
            status = self.watch.root.stat()
        except OSError:
            return None
        if not stat.S_ISDIR(status.st_mode) or (self.mount is not None and not os.path.ismount(self.mount)):
            return None
        return status.st_dev, status.st_ino

    def problems(self) -> list[str]:
        """What a user should know about it."""
        told = [self.problem] if self.problem else []
        return told + [f"cannot read the folder {folder}: {why}" for folder, why in self.unreadable.items()]


def mount_of(path: Path) -> Path:
    """The mount point a path lies below."""
    place = Path(os.path.realpath(path))
    while not os.path.ismount(place) and place != place.parent:
        place = place.parent
    return place


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
