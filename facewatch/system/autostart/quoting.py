"""Command lines quoted for each format of autostart entry."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from facewatch.errors import WrongUse

ENV = "/usr/bin/env"
MAX_RUN_VALUE_LENGTH = 260  # characters; Windows ignores longer command lines in the Run key


def require_plain_text(command: Sequence[str]) -> None:
    """Raise WrongUse for a command line that no entry can hold."""
    for part in command:
        if any(ord(character) < 32 or ord(character) == 127 for character in part):
            raise WrongUse(
                f"{part!r} has a control character, which an autostart entry cannot hold: move or rename it"
            )
        try:
            part.encode("utf-8")
        except UnicodeEncodeError as error:
            raise WrongUse(
                f"{part!r} is not valid Unicode, which an autostart entry cannot hold: rename it"
            ) from error


def desktop_exec(command: Sequence[str]) -> str:
    r"""Return the value of `Exec` (Desktop Entry Specification 1.5, "The Exec key").

    Each part is in double quotes with `"`, backtick, `$` and `\` behind a backslash; `%` is doubled; and then
    every backslash is doubled once more, as in any string value.  Raises WrongUse.
    """
    require_plain_text(command)
    if "=" in command[0]:
        raise WrongUse(f"{command[0]}: a desktop entry cannot start a program with = in its path: move it")
    # GLib and systemd look up the first part as written, with its percent signs doubled.
    return " ".join(_desktop_part(part) for part in _through_env(command, "%\\"))


def _through_env(command: Sequence[str], forbidden: str) -> tuple[str, ...]:
    """Return the command, started by `env` if its program has `forbidden` characters for a line's start."""
    if not any(character in command[0] for character in forbidden):
        return tuple(command)
    if "=" in command[0]:
        raise WrongUse(f"{command[0]}: an autostart entry cannot start a program with this path: move it")
    return (ENV, *command)


def program_of(parts: Sequence[str]) -> str | None:
    """Return the program that a parsed line starts."""
    command = parts[1:] if parts[:1] == [ENV] else parts
    return command[0] if command else None


def _desktop_part(part: str) -> str:
    quoted = "".join(f"\\{character}" if character in '"`$\\' else character for character in part).replace(
        "%", "%%"
    )
    return f'"{quoted}"'.replace("\\", "\\\\")


def parsed_desktop_exec(value: str) -> list[str]:
    """Return the parts of an `Exec` value, without field codes (`%u`)."""
    text, parts, part, quoted, started = value.replace("\\\\", "\\"), [], "", False, False
    characters = iter(text)
    for character in characters:
        if character == '"':
            quoted, started = not quoted, True
        elif character == "\\" and quoted:
            part += next(characters, "")
        elif character == "%":
            part += "%" if next(characters, "") == "%" else ""
        elif character == " " and not quoted:
            if started or part:
                parts.append(part)
            part, started = "", False
        else:
            part += character
    return [*parts, part] if started or part else parts


def systemd_exec(command: Sequence[str]) -> str:
    """Return the value of `ExecStart` (systemd.service(5), "Command lines").

    The leading colon disables the substitution of variables, so that `$` is an ordinary character.
    Raises WrongUse.
    """
    require_plain_text(command)
    startable = _through_env(command, "'\"\\")
    parts = (part.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") for part in startable)
    return ":" + " ".join(f'"{part}"' for part in parts)


def parsed_systemd_exec(value: str) -> list[str]:
    """Return the parts of an `ExecStart` value as `systemd_exec` writes it."""
    parts, part, quoted = [], "", False
    characters = iter(value.lstrip(":@-+!"))
    for character in characters:
        if character == '"':
            quoted = not quoted
        elif character == "\\":
            part += next(characters, "")
        elif character == "%":
            part += "%" if next(characters, "") == "%" else ""
        elif character == " " and not quoted:
            parts.append(part)
            part = ""
        else:
            part += character
    return [*parts, part]


def windows_command_line(command: Sequence[str]) -> str:
    """Return a command line as Windows splits it. Raises WrongUse when the Run key cannot hold it."""
    require_plain_text(command)
    line = subprocess.list2cmdline(command)
    program = command[0]
    if not line.startswith('"'):
        line = f'"{program}"{line[len(program) :]}'
    if len(line) > MAX_RUN_VALUE_LENGTH:
        raise WrongUse(
            f"{program}: at login Windows ignores command lines of more than {MAX_RUN_VALUE_LENGTH} "
            "characters: move facewatch into a folder with a shorter path"
        )
    return line


def program_of_windows_line(line: str) -> str:
    """Return the program of a command line in the Run key."""
    if line.startswith('"'):
        return line[1:].partition('"')[0]
    return line.partition(" ")[0]
