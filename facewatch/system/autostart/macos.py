"""macOS: a launch agent (launchd.plist(5))."""

from __future__ import annotations

import plistlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from facewatch.errors import CannotWrite
from facewatch.system.atomic import translate_write_errors, write_atomically
from facewatch.system.autostart import State, state_of_program
from facewatch.system.autostart.quoting import require_plain_text

LABEL = "io.github.facewatch"


class LaunchAgent:
    """A property list in the user's LaunchAgents folder; launchd reads it at the next login."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._command = tuple(command)
        self.file = folder / f"{LABEL}.plist"

    @classmethod
    def standard(cls, command: Sequence[str]) -> LaunchAgent:
        """Return the agent in the user's own folder."""
        return cls(command, Path.home() / "Library" / "LaunchAgents")

    @property
    def place(self) -> str:
        return str(self.file)

    def state(self) -> State:
        return "off" if self._content().get("Disabled") else state_of_program(self.program())

    def program(self) -> str | None:
        arguments = self._content().get("ProgramArguments")
        return str(arguments[0]) if isinstance(arguments, list) and arguments else None

    def enable(self) -> None:
        write_atomically(self.file, plistlib.dumps(content(self._command)))

    def disable(self) -> None:
        with translate_write_errors(self.file):
            self.file.unlink(missing_ok=True)

    def _content(self) -> dict[str, Any]:
        try:
            read = plistlib.loads(self.file.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CannotWrite(
                f"{self.file} cannot be read: {error.strerror}; check its permissions"
            ) from error
        except (plistlib.InvalidFileException, ExpatError, ValueError):
            return {}  # launchd does not start it either
        return read if isinstance(read, dict) else {}


def content(command: Sequence[str]) -> dict[str, Any]:
    """Return the property list. Raises WrongUse for a command that it cannot hold."""
    require_plain_text(command)
    return {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 30,  # seconds between two starts after a failure
        "LimitLoadToSessionType": "Aqua",
        "ProcessType": "Interactive",
    }
