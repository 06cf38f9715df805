"""Opener of files, folders and addresses with the desktop's programs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from facewatch.errors import FacewatchError
from facewatch.system.processes import system_environment


class Opener:
    """Starts programs without waiting for them to end."""

    def open(self, target: str) -> None:
        """Open a file, a folder or a web address. Raises FacewatchError when that fails."""
        address = target.startswith(("https://", "http://"))
        if not address and not Path(target).exists():
            raise FacewatchError(f"{target} does not exist")
        if sys.platform == "win32":
            try:
                os.startfile(target)  # noqa: S606 - what the user clicked on
            except OSError as error:
                raise FacewatchError(f"{target} cannot be opened: {error.strerror}") from error
        else:
            self._spawn(["open" if sys.platform == "darwin" else "xdg-open", target])

    def show(self, file: Path) -> None:
        """Show a file in its folder. Raises FacewatchError when that fails."""
        if not file.exists():
            raise FacewatchError(f"{file} does not exist")
        if sys.platform == "win32":
            self._spawn(["explorer", f"/select,{file}"])
        elif sys.platform == "darwin":
            self._spawn(["open", "-R", str(file)])
        else:
            self._spawn(["xdg-open", str(file.parent)])

    def start(self, command: list[str], environment: dict[str, str]) -> None:
        """Start a facewatch program that outlives this process. Raises FacewatchError when that fails."""
        self._spawn(command, environment)

    def _spawn(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment or system_environment(),
                start_new_session=os.name == "posix",
            )
        except OSError as error:
            raise FacewatchError(f"{command[0]} cannot be started: {error.strerror}") from error
        # Whoever looks whether it runs must not find what is left of one that has ended.
        threading.Thread(target=child.wait, name="reaper", daemon=True).start()
