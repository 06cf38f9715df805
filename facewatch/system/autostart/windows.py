"""Windows: a value in the user's Run key."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

from facewatch.errors import CannotWrite
from facewatch.system.autostart import State, state_of_program
from facewatch.system.autostart.quoting import program_of_windows_line, windows_command_line

RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
NAME = "Facewatch"


class Registry(Protocol):
    """The user's part of the registry; a missing value reads as None, and may be deleted."""

    def read(self, key: str, name: str, /) -> str | bytes | None: ...

    def write(self, key: str, name: str, text: str, /) -> None: ...

    def delete(self, key: str, name: str, /) -> None: ...


class RunKey:
    """One value under HKEY_CURRENT_USER, of the type (REG_SZ) that does not expand `%`."""

    def __init__(self, command: Sequence[str], registry: Registry) -> None:
        self._command = tuple(command)
        self._registry = registry

    @property
    def place(self) -> str:
        return rf"HKEY_CURRENT_USER\{RUN}, {NAME}"

    def state(self) -> State:
        approval = self._registry.read(APPROVED, NAME)
        if isinstance(approval, bytes) and approval[:1] and approval[0] & 1:  # odd: off in the Task Manager
            return "off"
        return state_of_program(self.program())

    def program(self) -> str | None:
        line = self._registry.read(RUN, NAME)
        return program_of_windows_line(line) if isinstance(line, str) and line else None

    def enable(self) -> None:
        self._registry.write(RUN, NAME, windows_command_line(self._command))
        self._registry.delete(APPROVED, NAME)

    def disable(self) -> None:
        self._registry.delete(RUN, NAME)
        self._registry.delete(APPROVED, NAME)


if sys.platform == "win32":
    import winreg

    class UserRegistry:
        """HKEY_CURRENT_USER. Raises CannotWrite."""

        def read(self, key: str, name: str, /) -> str | bytes | None:
            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
                    value = winreg.QueryValueEx(opened, name)[0]
            except FileNotFoundError:
                return None
            except OSError as error:
                raise _refused(key, error) from error
            return value if isinstance(value, str | bytes) else None

        def write(self, key: str, name: str, text: str, /) -> None:
            try:
                with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as opened:
                    winreg.SetValueEx(opened, name, 0, winreg.REG_SZ, text)
            except OSError as error:
                raise _refused(key, error) from error

        def delete(self, key: str, name: str, /) -> None:
            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key, 0, winreg.KEY_SET_VALUE) as opened:
                    winreg.DeleteValue(opened, name)
            except FileNotFoundError:
                return
            except OSError as error:
                raise _refused(key, error) from error

        def remove_key(self, key: str, /) -> None:
            try:
                winreg.DeleteKey(winreg.HKEY_CURRENT_USER, key)
            except FileNotFoundError:
                return
            except OSError as error:
                raise _refused(key, error) from error

    def _refused(key: str, error: OSError) -> CannotWrite:
        return CannotWrite(
            rf"the registry refuses HKEY_CURRENT_USER\{key}: {error.strerror}; ask its administrator"
        )
