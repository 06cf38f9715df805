"""Start at login: one entry, made only on request; one class per platform, and `Login` in front of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from facewatch.errors import FacewatchError

State = Literal["on", "off", "broken"]
"""`broken`: on, but the program that the entry starts no longer exists."""


class Autostart(Protocol):
    """One kind of entry that starts facewatch at login."""

    @property
    def place(self) -> str:
        """Location of the entry, for the user."""
        ...

    def state(self) -> State:
        """Return the state of the entry. Raises CannotWrite when it cannot be read."""
        ...

    def program(self) -> str | None:
        """Return the program that the entry starts; None without an entry."""
        ...

    def enable(self) -> None:
        """Write the entry, replacing an earlier one.

        Raises CannotWrite, DiskFull, or WrongUse for a path that the entry cannot hold.
        """
        ...

    def disable(self) -> None:
        """Remove the entry if there is one. Raises CannotWrite."""
        ...


def own_command(arguments: Sequence[str] = ("run",)) -> tuple[str, ...]:
    """Return the absolute command line that starts this installation at login.

    It uses the launcher beside the interpreter, if there is one (on Windows the windowed one): `python -m`
    would look for facewatch in the working directory.
    """
    here = Path(sys.executable)
    if not sys.executable or not here.is_absolute():
        raise FacewatchError("the path of the running program is unknown; start facewatch by its full path")
    launcher = here.with_name("facewatchw.exe" if os.name == "nt" else "facewatch")
    if launcher.is_file():
        return (str(launcher), *arguments)
    if getattr(sys, "frozen", False):
        return (str(here), *arguments)
    windowed = here.with_name("pythonw.exe")
    interpreter = windowed if os.name == "nt" and windowed.is_file() else here
    return (str(interpreter), "-m", "facewatch", *arguments)


class Login:
    """The kinds of entry that this system has, of which at most one is on."""

    def __init__(self, *ways: Autostart) -> None:
        """ways  the first is the default"""
        self.ways = ways

    def active(self) -> Autostart | None:
        """Return the entry that is on, broken or not."""
        return next((way for way in self.ways if way.state() != "off"), None)

    def state(self) -> State:
        """Return the state of the active entry. Raises CannotWrite when it cannot be read."""
        way = self.active()
        return way.state() if way else "off"

    def enable(self, wanted: Autostart | None = None) -> None:
        """Turn one entry on and all others off. Raises as `Autostart.enable`."""
        chosen = wanted or self.active() or self.ways[0]
        chosen.enable()
        for way in self.ways:
            if way is not chosen:
                way.disable()

    def disable(self) -> None:
        """Turn every entry off. Raises CannotWrite."""
        for way in self.ways:
            way.disable()

    def repair(self) -> bool:
        """Point entries whose program no longer exists to this installation; return True if there was one.

        An entry that starts another existing program is the user's choice, and stays.
        """
        broken = [way for way in self.ways if way.state() == "broken"]
        for way in broken:
            way.enable()
        return bool(broken)


def of_this_system(command: Sequence[str]) -> Login:
    """Return this platform's entries; on Linux the desktop's autostart folder, then systemd's user unit."""
    if sys.platform == "win32":
        from facewatch.system.autostart.windows import RunKey, UserRegistry

        return Login(RunKey(command, UserRegistry()))
    if sys.platform == "darwin":
        from facewatch.system.autostart.macos import LaunchAgent

        return Login(LaunchAgent.standard(command))
    from facewatch.system.autostart.systemd import UserUnit
    from facewatch.system.autostart.xdg import DesktopEntry

    return Login(DesktopEntry.standard(command), UserUnit.standard(command))


def state_of_program(program: str | None) -> State:
    """Return the state of an entry that starts `program`."""
    if program is None:
        return "off"
    return "on" if Path(program).is_file() else "broken"
