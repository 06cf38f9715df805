"""Windows: a verb in the menu of pictures and folders, and an entry of "Send to"."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from facewatch.system.atomic import translate_write_errors
from facewatch.system.autostart.quoting import require_plain_text, windows_command_line
from facewatch.system.filemanager import TITLE
from facewatch.system.filemanager.files import OneFile

CLASSES = r"Software\Classes"
SHELLS = (rf"{CLASSES}\SystemFileAssociations\image\shell", rf"{CLASSES}\Directory\shell")
NAME = "Facewatch"
DEFAULT = ""  # the unnamed value of a key


class KeyRegistry(Protocol):
    """The user's part of the registry; a missing value reads as None, a missing key may be removed."""

    def read(self, key: str, name: str, /) -> str | bytes | None: ...

    def write(self, key: str, name: str, text: str, /) -> None: ...

    def remove_key(self, key: str, /) -> None: ...


class Verb:
    """Keys under HKEY_CURRENT_USER, which need no administrator."""

    def __init__(self, command: Sequence[str], registry: KeyRegistry) -> None:
        self._command = tuple(command)
        self._registry = registry

    @property
    def place(self) -> str:
        return rf"HKEY_CURRENT_USER\{SHELLS[0]}\{NAME}"

    def is_on(self) -> bool:
        return all(self._registry.read(rf"{shell}\{NAME}\command", DEFAULT) for shell in SHELLS)

    def enable(self) -> None:
        line = f'{windows_command_line(self._command)} "%1"'
        for shell in SHELLS:
            self._registry.write(rf"{shell}\{NAME}", DEFAULT, TITLE)
            self._registry.write(rf"{shell}\{NAME}", "Icon", self._command[0])
            # One process for each photo would load the networks as often: "Send to" takes many at once.
            self._registry.write(rf"{shell}\{NAME}", "MultiSelectModel", "Single")
            self._registry.write(rf"{shell}\{NAME}\command", DEFAULT, line)

    def disable(self) -> None:
        for shell in SHELLS:
            self._registry.remove_key(rf"{shell}\{NAME}\command")
            self._registry.remove_key(rf"{shell}\{NAME}")


class SendTo(OneFile):
    """A shortcut in the folder of "Send to", which starts it with the paths of all chosen photos.

    Not a batch file: Explorer quotes only paths with spaces, so that `&` in a name would end its line, which
    has 8191 characters at most.
    """

    def __init__(
        self, command: Sequence[str], file: Path, write: Callable[[Path, Sequence[str]], None]
    ) -> None:
        """Raises WrongUse for a path that the shortcut cannot hold."""
        require_plain_text(command)
        super().__init__(file)
        self._command = tuple(command)
        self._write = write

    @classmethod
    def standard(cls, command: Sequence[str], write: Callable[[Path, Sequence[str]], None]) -> SendTo:
        """Return the entry in the user's own folder. Raises WrongUse for a path that it cannot hold."""
        folder = Path(os.environ.get("APPDATA", Path.home())) / "Microsoft" / "Windows" / "SendTo"
        return cls(command, folder / f"{TITLE}.lnk", write)

    def enable(self) -> None:
        with translate_write_errors(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._write(self.file, self._command)
