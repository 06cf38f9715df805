"""Folder events and scans that find photos: the only user of watchdog."""

from __future__ import annotations

from facewatch.watcher.filters import WatchedFolder, is_photo, root_of, spelled_below, watched_folders
from facewatch.watcher.watcher import Watcher

__all__ = ["WatchedFolder", "Watcher", "is_photo", "root_of", "spelled_below", "watched_folders"]
