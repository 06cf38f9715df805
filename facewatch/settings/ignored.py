"""Names that are never taken for photos, whatever they end in."""

from __future__ import annotations

NAMES = frozenset({"thumbs.db", "desktop.ini", "@eadir"})
# Hidden names, and with them ._*, .DS_Store, .stversions, .syncthing.* and our own .facewatch-*.
BEGINNINGS = (".", "~syncthing~")
ENDINGS = (".part", ".crdownload", ".download", ".tmp", ".filepart")


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name (one part of a path) is left alone; case does not matter."""
    lowered = name.lower()
    return lowered.startswith(BEGINNINGS) or lowered in NAMES or lowered.endswith(ENDINGS)
