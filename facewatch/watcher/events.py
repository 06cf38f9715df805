"""Handlers for watchdog's events and warnings."""

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
"""Without opened and closed-unwritten, which every read of a photo causes and which fill the queue."""

WRITTEN = frozenset({"modified", "closed"})


class FileEvents(Protocol):
    """The receiver of events; its methods only record their argument and return."""

    def file_seen(self, path: Path) -> None:
        """Record a file that was created or changed."""

    def folder_seen(self, path: Path) -> None:
        """Record a folder that was created; it may hold files that cause no events."""

    def vanished(self, path: Path) -> None:
        """Record a file or folder that was deleted or moved away."""


class EventHandler(FileSystemEventHandler):
    """Sorts events and does no work: a slow handler delays all events, and one that raises ends them."""

    def __init__(self, receiver: FileEvents, watched: Path = Path(), root: Path = Path()) -> None:
        """Report paths below `watched` as paths below `root`."""
        super().__init__()
        self._receiver = receiver
        self._watched = watched
        self._root = root

    def dispatch(self, event: FileSystemEvent) -> None:
        """Report one event."""
        path = self._below_root(event.src_path)
        if event.event_type == "deleted":
            self._receiver.vanished(path)
        elif event.event_type == "moved":
            self._receiver.vanished(path)
            self._seen(self._below_root(event.dest_path), is_directory=event.is_directory)
        elif event.event_type == "created" or (event.event_type in WRITTEN and not event.is_directory):
            self._seen(path, is_directory=event.is_directory)

    def _below_root(self, name: str | bytes) -> Path:
        path = Path(os.fsdecode(name))
        if self._watched == self._root or not path.is_relative_to(self._watched):
            return path
        return self._root / path.relative_to(self._watched)

    def _seen(self, path: Path, *, is_directory: bool) -> None:
        if is_directory:
            self._receiver.folder_seen(path)
        else:
            self._receiver.file_seen(path)


class WarningListener(logging.Handler):
    """Receives watchdog's warnings; each may mean lost events (queue overflow, a watch that failed)."""

    LOGGERS = ("watchdog", "fsevents")

    def __init__(self, on_warning: Callable[[str], None]) -> None:
        """Call `on_warning` with each warning's text, from watchdog's threads; it must be quick."""
        super().__init__(logging.WARNING)
        self._on_warning = on_warning

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one warning on."""
        self._on_warning(record.getMessage())

    def attach(self) -> None:
        """Start listening."""
        for name in self.LOGGERS:
            logging.getLogger(name).addHandler(self)

    def detach(self) -> None:
        """Stop listening."""
        for name in self.LOGGERS:
            logging.getLogger(name).removeHandler(self)
