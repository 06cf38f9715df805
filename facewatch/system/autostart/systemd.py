"""Linux with systemd: a user unit that restarts after a failure."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from facewatch.errors import CannotWrite
from facewatch.system.atomic import translate_write_errors, write_atomically
from facewatch.system.autostart import State, state_of_program
from facewatch.system.autostart.quoting import parsed_systemd_exec, program_of, systemd_exec
from facewatch.system.autostart.xdg import config_home
from facewatch.system.processes import system_environment

log = logging.getLogger(__name__)

UNIT = "facewatch.service"
WANTED_BY = "default.target"  # graphical-session.target is not reached on every desktop


class UserUnit:
    """`facewatch.service` in the user's unit folder, and the link that enables it."""

    def __init__(self, command: Sequence[str], folder: Path, reload: Callable[[], None]) -> None:
        """reload  makes the running manager, if there is one, read its units again"""
        self._command = tuple(command)
        self._reload = reload
        self.file = folder / UNIT
        self.link = folder / f"{WANTED_BY}.wants" / UNIT

    @classmethod
    def standard(cls, command: Sequence[str]) -> UserUnit:
        """Return the unit in the user's own folder."""
        return cls(command, config_home() / "systemd" / "user", reload_manager)

    @property
    def place(self) -> str:
        return str(self.file)

    def state(self) -> State:
        return state_of_program(self.program()) if self.link.is_symlink() else "off"

    def program(self) -> str | None:
        try:
            lines = self.file.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CannotWrite(
                f"{self.file} cannot be read: {error.strerror}; check its permissions"
            ) from error
        values = [line.partition("=")[2].strip() for line in lines if line.startswith("ExecStart=")]
        return program_of(parsed_systemd_exec(values[-1])) if values else None

    def enable(self) -> None:
        write_atomically(self.file, text(self._command).encode())
        with translate_write_errors(self.link):
            self.link.parent.mkdir(parents=True, exist_ok=True)
            self.link.unlink(missing_ok=True)
            self.link.symlink_to(self.file)
        self._reload()

    def disable(self) -> None:
        if not (self.link.is_symlink() or self.file.exists()):
            return
        with translate_write_errors(self.file):
            self.link.unlink(missing_ok=True)
            self.file.unlink(missing_ok=True)
        self._reload()


def text(command: Sequence[str]) -> str:
    """Return the text of the unit. Raises WrongUse for a command that it cannot hold."""
    lines = (
        "[Unit]",
        "Description=Facewatch, restores the faces in new photos",
        "StartLimitIntervalSec=300",
        "StartLimitBurst=5",
        "",
        "[Service]",
        f"ExecStart={systemd_exec(command)}",
        "Restart=on-failure",
        "RestartSec=5",
        "",
        "[Install]",
        f"WantedBy={WANTED_BY}",
    )
    return "\n".join(lines) + "\n"


def reload_manager() -> None:
    """Make the user's manager read its units; a failure is only logged, since the next login reads them."""
    try:
        run = subprocess.run(
            ["systemctl", "--user", "daemon-reload"],  # noqa: S607 - wherever the system has it
            capture_output=True,
            encoding="utf-8",
            timeout=20,
            check=False,
            env=system_environment(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.info("the user's systemd did not reload its units: %s", error)
        return
    if run.returncode:
        log.info("the user's systemd did not reload its units: %s", run.stderr.strip())
