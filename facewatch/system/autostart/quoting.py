"""How each format writes a command line, and what none of them can hold."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from facewatch.errors import WrongUse

ENV = "/usr/bin/env"
LONGEST_RUN_VALUE = 260  # characters; Windows ignores longer command lines in the Run key


def check(command: Sequence[str]) -> None:
    """Raise WrongUse for a command line that no entry can hold."""
    for part in command:
        if any(ord(sign) < 32 or ord(sign) == 127 for sign in part):
            raise WrongUse(
                f"{part!r} holds a control character, which an autostart entry cannot hold: move it"
            )
        try:
            part.encode("utf-8")
        except UnicodeEncodeError as error:
            raise WrongUse(
                f"{part!r} is not valid Unicode, which an autostart entry cannot hold: rename it"
            ) from error


def desktop_exec(command: Sequence[str]) -> str:
    r"""The value of `Exec` (Desktop Entry Specification 1.5, "The Exec key").

    Each part in double quotes with `"`, backtick, `$` and `\` behind a backslash; `%` doubled; and then every
    backslash doubled once more, as in any string value.  Raises WrongUse.
    """
    check(command)
    if "=" in command[0]:
        raise WrongUse(f"{command[0]}: a desktop entry cannot start a program with = in its path: move it")
    # GLib and systemd look for the first part as it is written, with its percent signs doubled.
    return " ".join(_desktop_part(part) for part in _by_env(command, "%\\"))


def _by_env(command: Sequence[str], hard: str) -> tuple[str, ...]:
    """The command, started by `env` where the first part of a line may not have one of the `hard` signs."""
    if not any(sign in command[0] for sign in hard):
        return tuple(command)
    if "=" in command[0]:
        raise WrongUse(f"{command[0]}: an autostart entry cannot start a program with this path: move it")
    return (ENV, *command)


def program_of(parts: Sequence[str]) -> str | None:
    """The program that a parsed line starts."""
    named = parts[1:] if parts[:1] == [ENV] else parts
    return named[0] if named else None


def _desktop_part(part: str) -> str:
    quoted = "".join(f"\\{sign}" if sign in '"`$\\' else sign for sign in part).replace("%", "%%")
    return f'"{quoted}"'.replace("\\", "\\\\")


def parsed_desktop_exec(value: str) -> list[str]:
    """The parts of an `Exec` value, field codes (`%u`) left out."""
    text, parts, part, quoted, started = value.replace("\\\\", "\\"), [], "", False, False
    signs = iter(text)
    for sign in signs:
        if sign == '"':
            quoted, started = not quoted, True
        elif sign == "\\" and quoted:
            part += next(signs, "")
        elif sign == "%":
            part += "%" if next(signs, "") == "%" else ""
        elif sign == " " and not quoted:
            if started or part:
                parts.append(part)
            part, started = "", False
        else:
            part += sign
    return [*parts, part] if started or part else parts


def systemd_exec(command: Sequence[str]) -> str:
    """The value of `ExecStart` (systemd.service(5), "Command lines").

    The leading colon turns the substitution of variables off, so that `$` is a sign like any other.
    Raises WrongUse.
    """
    check(command)
    checked = _by_env(command, "'\"\\")
    parts = (part.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") for part in checked)
    return ":" + " ".join(f'"{part}"' for part in parts)


def parsed_systemd_exec(value: str) -> list[str]:
    """The parts of an `ExecStart` value as `systemd_exec` writes it."""
    parts, part, quoted = [], "", False
    signs = iter(value.lstrip(":@-+!"))
    for sign in signs:
        if sign == '"':
            quoted = not quoted
        elif sign == "\\":
            part += next(signs, "")
        elif sign == "%":
            part += "%" if next(signs, "") == "%" else ""
        elif sign == " " and not quoted:
            parts.append(part)
            part = ""
        else:
            part += sign
    return [*parts, part]


def windows_command_line(command: Sequence[str]) -> str:
    """A command line as Windows splits it. Raises WrongUse when the Run key cannot hold it."""
    check(command)
    line = subprocess.list2cmdline(command)
    program = command[0]
    if not line.startswith('"'):
        line = f'"{program}"{line[len(program) :]}'
    if len(line) > LONGEST_RUN_VALUE:
        raise WrongUse(
            f"{program}: Windows starts nothing at login whose command line is longer than "
            f"{LONGEST_RUN_VALUE} characters: move facewatch into a folder with a shorter path"
        )
    return line


def program_of_windows_line(line: str) -> str:
    """The program of a command line in the Run key."""
    if line.startswith('"'):
        return line[1:].partition('"')[0]
    return line.partition(" ")[0]
