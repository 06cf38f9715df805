"""Files that only tests change, and how a photo is handed over."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from facewatch.errors import DiskFull
from facewatch.system.fingerprint import Settled
from facewatch.worker.inbox import Inbox
from tests.clock import Clock


@dataclass
class Files:
    """Files that only `stat` knows."""

    sizes: dict[str, int] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    looks: int = 0

    def stat(self, name: str) -> os.stat_result:
        self.looks += 1
        if name in self.refused:
            raise PermissionError(13, "Permission denied", name)
        if name not in self.sizes:
            raise FileNotFoundError(name)
        mode = self.modes.get(name, stat.S_IFREG | 0o644)
        times = {"st_mtime_ns": 5, "st_ctime_ns": 6}
        return os.stat_result((mode, 7, 1, 1, 0, 0, self.sizes[name], 0, 0, 0), times)


def names(settled: list[Settled]) -> list[str]:
    return [str(one.path) for one in settled]


def hand_over(inbox: Inbox) -> list[str]:
    with inbox.handing_over() as settled:
        return names(settled)


def fail_to_keep(inbox: Inbox) -> list[str]:
    handed: list[str] = []
    with contextlib.suppress(DiskFull), inbox.handing_over() as settled:
        handed += names(settled)
        raise DiskFull("the disk is full")
    return handed


def find(inbox: Inbox, clock: Clock, name: str = "/a.jpg") -> list[str]:
    """A scan finds the file in its place; what is handed over for it, in all the time it may have to wait."""
    inbox.put(Path(name), news=False)
    handed = hand_over(inbox)
    clock.now += 5
    return handed + hand_over(inbox)
