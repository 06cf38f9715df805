"""Start at login: one entry, made only when it is asked for; one class a platform, `Login` before them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from facewatch.errors import FacewatchError

State = Literal["on", "off", "broken"]
"""`broken`: on, but it points at a program that is no longer there."""


class Autostart(Protocol):
    """One way to be started at login."""

    @property
    def place(self) -> str:
        """Where the entry is, in words."""
        ...

    def state(self) -> State:
        """Whether facewatch is started at login. Raises CannotWrite where that cannot be seen."""
        ...

    def program(self) -> str | None:
        """The program that the entry starts; None without an entry."""
        ...

    def enable(self) -> None:
        """Write the entry, over an earlier one.

        Raises CannotWrite, DiskFull, or WrongUse for a path that the entry cannot hold.
        """
        ...

    def disable(self) -> None:
        """Remove the entry; none is as good. Raises CannotWrite."""
        ...


def own_command(arguments: Sequence[str] = ("run",)) -> tuple[str, ...]:
    """The absolute command line by which a login starts this very installation.

    The launcher beside the interpreter, where there is one (on Windows the windowed one): `python -m` would
    look for facewatch in the folder it happens to be started in.
    """
    here = Path(sys.executable)
    if not sys.executable or not here.is_absolute():
        raise FacewatchError(
            "the path of the running program is not known; start facewatch by its whole path"
        )
    if getattr(sys, "frozen", False):
        return (str(here), *arguments)
    launcher = here.with_name("facewatchw.exe" if os.name == "nt" else "facewatch")
    if launcher.is_file():
        return (str(launcher), *arguments)
    windowed = here.with_name("pythonw.exe")
    interpreter = windowed if os.name == "nt" and windowed.is_file() else here
    return (str(interpreter), "-m", "facewatch", *arguments)


class Login:
    """All ways of this system, of which never two are on."""

    def __init__(self, *ways: Autostart) -> None:
        """ways  the first one is used unless another is asked for"""
        self.ways = ways

    def active(self) -> Autostart | None:
        """The way that is on, broken or not."""
        return next((way for way in self.ways if way.state() != "off"), None)

    def state(self) -> State:
        """Whether facewatch is started at login. Raises CannotWrite where that cannot be seen."""
        way = self.active()
        return way.state() if way else "off"

    def enable(self, wanted: Autostart | None = None) -> None:
        """Turn one way on and all others off. Raises as `Autostart.enable`."""
        chosen = wanted or self.active() or self.ways[0]
        chosen.enable()
        for way in self.ways:
            if way is not chosen:
                way.disable()

    def disable(self) -> None:
        """Turn every way off. Raises CannotWrite."""
        for way in self.ways:
            way.disable()

    def repair(self) -> bool:
        """Point an entry whose program has moved to this installation; True when that was needed.

        An entry that starts another program that is there is somebody's choice, and stays.
        """
        broken = [way for way in self.ways if way.state() == "broken"]
        for way in broken:
            way.enable()
        return bool(broken)


def of_this_system(command: Sequence[str]) -> Login:
    """The ways of this platform; on Linux the desktop's autostart folder, then systemd's user manager."""
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
    """What an entry is worth that starts `program`."""
    if program is None:
        return "off"
    return "on" if Path(program).is_file() else "broken"
