"""What watchdog tells, noted down for others to act on."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)

WANTED: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
"""Not asked for: opened and closed-unwritten, which every look at a photo causes and which fill the queue."""

WRITTEN = frozenset({"modified", "closed"})


class FileEvents(Protocol):
    """Where events go: each of these only notes what it is given and returns."""

    def file_seen(self, path: Path) -> None:
        """A file came or changed."""

    def folder_seen(self, path: Path) -> None:
        """A folder came; files may lie in it that nothing was told about."""

    def vanished(self, path: Path) -> None:
        """A file or folder went."""


class Handler(FileSystemEventHandler):
    """Sorts events. It does no work: a slow handler holds up all events, and one that raises ends them."""

    def __init__(self, told: FileEvents, place: Path = Path(), root: Path = Path()) -> None:
        """Tell of what happens in `place` as what happens in `root`."""
        super().__init__()
        self._told = told
        self._place = place
        self._root = root

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take one event."""
        path = self._named(event.src_path)
        if event.event_type == "deleted":
            self._told.vanished(path)
        elif event.event_type == "moved":
            self._told.vanished(path)
            self._seen(self._named(event.dest_path), is_directory=event.is_directory)
        elif event.event_type == "created" or (event.event_type in WRITTEN and not event.is_directory):
            self._seen(path, is_directory=event.is_directory)

    def _named(self, name: str | bytes) -> Path:
        path = Path(os.fsdecode(name))
        if self._place == self._root or not path.is_relative_to(self._place):
            return path
        return self._root / path.relative_to(self._place)

    def _seen(self, path: Path, *, is_directory: bool) -> None:
        if is_directory:
            self._told.folder_seen(path)
        else:
            self._told.file_seen(path)


class LogComplaints(logging.Handler):
    """Hears watchdog's warnings: each may mean lost events (a queue ran over, a watch could not be made)."""

    LOGGERS = ("watchdog", "fsevents")

    def __init__(self, heard: Callable[[str], None]) -> None:
        """`heard` takes the warning's text; called from watchdog's own threads, must be quick."""
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        """Pass it on."""
        self._heard(record.getMessage())

    def attach(self) -> None:
        """Begin to hear."""
        for name in self.LOGGERS:
            logging.getLogger(name).addHandler(self)

    def detach(self) -> None:
        """Hear no more."""
        for name in self.LOGGERS:
            logging.getLogger(name).removeHandler(self)
