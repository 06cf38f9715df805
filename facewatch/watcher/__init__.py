"""Folder events and scans, into the inbox: the only door to watchdog."""

from __future__ import annotations

from facewatch.watcher.filters import Watch, offered, root_of, spelled_below, watches_of
from facewatch.watcher.watcher import Watcher

__all__ = ["Watch", "Watcher", "offered", "root_of", "spelled_below", "watches_of"]
