"""Linux: a script for Nautilus (GNOME), a service menu for Dolphin (KDE)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from facewatch.system.autostart.quoting import desktop_exec, require_plain_text
from facewatch.system.filemanager import TITLE
from facewatch.system.filemanager.files import FileEntry

KINDS = (
    "image/jpeg;image/png;image/webp;image/tiff;image/bmp;image/heif;image/heic;image/avif;inode/directory;"
)


def data_home() -> Path:
    """Return the user's data folder (XDG Base Directory Specification)."""
    named = os.environ.get("XDG_DATA_HOME", "")
    return Path(named) if named.startswith("/") else Path.home() / ".local" / "share"


def nautilus(command: Sequence[str]) -> FileEntry:
    """Return the script, which Nautilus starts in the photos' folder with their names. Raises WrongUse."""
    require_plain_text(command)
    text = f'#!/bin/sh\nexec {shlex.join(command)} -- "$@"\n'
    return FileEntry(data_home() / "nautilus" / "scripts" / TITLE, text, executable=True)


def dolphin(command: Sequence[str]) -> FileEntry:
    """Return the service menu, a desktop entry with an action. Raises WrongUse."""
    lines = (
        "[Desktop Entry]",
        "Type=Service",
        f"MimeType={KINDS}",
        "Actions=restore;",
        "",
        "[Desktop Action restore]",
        f"Name={TITLE}",
        "Icon=facewatch",
        f"Exec={desktop_exec(command)} %F",
    )
    file = data_home() / "kio" / "servicemenus" / "facewatch.desktop"
    return FileEntry(file, "\n".join(lines) + "\n", executable=True)
