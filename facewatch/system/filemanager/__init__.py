"""Entries in the file manager that restore the chosen photos; made only on request.

Each runs `facewatch restore`, whose copies appear in the folder `Restored` beside the photos.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

TITLE = "Restore faces with facewatch"
NOTIFY = "--notify"  # most file managers give a program no terminal


class Entry(Protocol):
    """One entry of one file manager."""

    @property
    def place(self) -> str:
        """Location of the entry, for the user."""
        ...

    def is_on(self) -> bool:
        """Return True if the entry is there. Raises CannotWrite when it cannot be read."""
        ...

    def enable(self) -> None:
        """Write the entry, replacing an earlier one.

        Raises CannotWrite, DiskFull, or WrongUse for a path that the entry cannot hold.
        """
        ...

    def disable(self) -> None:
        """Remove the entry if there is one. Raises CannotWrite."""
        ...


def of_this_system(command: Sequence[str]) -> tuple[Entry, ...]:
    """Return this platform's entries.

    command  the command line that restores photos, whose names follow it
    """
    noted = (*command, NOTIFY)
    if sys.platform == "win32":
        from facewatch.system.autostart.windows import UserRegistry
        from facewatch.system.filemanager.shortcut import write_shortcut
        from facewatch.system.filemanager.windows import SendTo, Verb

        return Verb(noted, UserRegistry()), SendTo.standard(noted, write_shortcut)
    if sys.platform == "darwin":
        from facewatch.system.filemanager.macos import QuickAction

        return (QuickAction.standard(noted),)
    from facewatch.system.filemanager.linux import dolphin, nautilus

    return nautilus(noted), dolphin(noted)
