"""Linux desktops: an entry in the autostart folder (Desktop Application Autostart Specification)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from facewatch.errors import CannotWrite
from facewatch.system.atomic import translate_write_errors, write_atomically
from facewatch.system.autostart import State, state_of_program
from facewatch.system.autostart.quoting import desktop_exec, parsed_desktop_exec, program_of

FILE_NAME = "facewatch.desktop"


class DesktopEntry:
    """`facewatch.desktop` in an autostart folder."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._command = tuple(command)
        self.file = folder / FILE_NAME

    @classmethod
    def standard(cls, command: Sequence[str]) -> DesktopEntry:
        """Return the entry in the user's own autostart folder."""
        return cls(command, config_home() / "autostart")

    @property
    def place(self) -> str:
        return str(self.file)

    def state(self) -> State:
        keys = self._keys()
        switched_off = keys.get("Hidden") == "true" or keys.get("X-GNOME-Autostart-enabled") == "false"
        return "off" if switched_off else state_of_program(self.program())

    def program(self) -> str | None:
        return program_of(parsed_desktop_exec(self._keys().get("Exec", "")))

    def enable(self) -> None:
        write_atomically(self.file, text(self._command).encode())

    def disable(self) -> None:
        with translate_write_errors(self.file):
            self.file.unlink(missing_ok=True)

    def _keys(self) -> dict[str, str]:
        try:
            lines = self.file.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CannotWrite(
                f"{self.file} cannot be read: {error.strerror}; check its permissions"
            ) from error
        pairs = (line.partition("=") for line in lines if not line.startswith(("#", "[")))
        return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def text(command: Sequence[str]) -> str:
    """Return the text of the entry. Raises WrongUse for a command that it cannot hold."""
    return _entry(command, "X-GNOME-Autostart-enabled=true")


def launcher_text(command: Sequence[str]) -> str:
    """Return the text of an entry in the desktop's menu. Raises as `text`."""
    return _entry(
        command,
        "GenericName=Face restoration",
        "Categories=Graphics;Photography;",
        "Keywords=photo;face;restore;",
    )


def _entry(command: Sequence[str], *more: str) -> str:
    lines = (
        "[Desktop Entry]",
        "Type=Application",
        "Name=Facewatch",
        "Comment=Restores the faces in new photos",
        f"Exec={desktop_exec(command)}",
        "Icon=facewatch",
        "Terminal=false",
        "StartupNotify=false",
        *more,
    )
    return "\n".join(lines) + "\n"


def config_home() -> Path:
    """Return the user's configuration folder (XDG Base Directory Specification)."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(named) if named.startswith("/") else Path.home() / ".config"
