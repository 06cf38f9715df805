"""Fake files, and helpers that let the inbox hand photos over."""

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

ROOT = Path("/")


@dataclass
class Files:
    """Files that exist only for `stat`."""

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


def names(files: list[Settled]) -> list[str]:
    return [str(file.path) for file in files]


def settled(inbox: Inbox, limit: int = 256) -> list[Settled]:
    """Take the settled files out."""
    with inbox.handing_over(limit) as pairs:
        assert {root for root, _ in pairs} <= {ROOT}
        return [file for _, file in pairs]


def hand_over(inbox: Inbox) -> list[str]:
    return names(settled(inbox))


def hand_over_in_vain(inbox: Inbox) -> list[str]:
    """Return the files that a ledger on a full disk could not take."""
    handed: list[str] = []
    with contextlib.suppress(DiskFull), inbox.handing_over() as pairs:
        handed += names([file for _, file in pairs])
        raise DiskFull("the disk is full")
    return handed


def find(inbox: Inbox, clock: Clock, name: str = "/a.jpg") -> list[str]:
    """Let a scan find the file in its place, and return what is handed over until its time is up."""
    inbox.put(ROOT, Path(name), news=False)
    handed = hand_over(inbox)
    clock.now += 5
    return handed + hand_over(inbox)
