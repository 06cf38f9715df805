"""Names that are never taken for photos, whatever they end in."""

from __future__ import annotations

OURS = ".facewatch-"
"""How the names of our own temporary files begin."""

NAMES = frozenset({"thumbs.db", "desktop.ini", "@eadir"})
BEGINNINGS = (".", "~syncthing~")  # hidden, and with it ._*, .DS_Store, .stversions, .syncthing.* and OURS
ENDINGS = (".part", ".crdownload", ".download", ".tmp", ".filepart")


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name (one part of a path) is left alone; case does not matter."""
    lowered = name.lower()
    return lowered.startswith(BEGINNINGS) or lowered in NAMES or lowered.endswith(ENDINGS)
