"""Write the man page from the commands' own help: `python packaging/man.py [FILE]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from facewatch.cli.main import COMMANDS, EXIT_CODES, LazyCommand, app

PAGE = Path(__file__).resolve().parent / "linux" / "facewatch.1"


def escape(text: str) -> str:
    """Return a text as roff shows it, without commands of roff's own."""
    text = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{text}" if text.startswith(".") else text


def options_of(command: Any) -> list[str]:
    """Return the lines for the options and arguments of a command that have a help text."""
    lines = []
    for parameter in command.params:
        text = getattr(parameter, "help", None)
        if not text or getattr(parameter, "hidden", False):
            continue
        names = ", ".join([*parameter.opts, *parameter.secondary_opts])
        shown = parameter.metavar or "" if parameter.param_type_name == "option" else ""
        name = parameter.metavar or names if parameter.param_type_name == "argument" else names
        lines += [".TP", f"\\fB{escape(name)}\\fR {escape(shown)}".rstrip(), escape(text)]
    return lines


def lines_of(name: str, command: Any) -> list[str]:
    """Return the part of the page about a command, and those about its own commands."""
    lines = [f".SS facewatch {escape(name)}", escape(command.help or ""), *options_of(command)]
    for inner, below in getattr(command, "commands", {}).items():
        lines += lines_of(f"{name} {inner}", below)
    return lines


def page() -> str:
    """Return the man page, which has no date: it changes only when the help does."""
    program = typer.main.get_command(app)
    lines = [
        '.TH FACEWATCH 1 "" "facewatch" "User Commands"',
        ".SH NAME",
        "facewatch \\- restore the faces in photos that are put into a folder",
        ".SH SYNOPSIS",
        ".B facewatch",
        "\\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]",
        ".SH DESCRIPTION",
        escape(program.help or ""),
        ".SH OPTIONS",
        *options_of(program),
        ".SH COMMANDS",
    ]
    for name, row in COMMANDS.items():
        if not row.hidden:
            lines += lines_of(name, LazyCommand(name, row).load())
    lines += [".SH EXIT STATUS", escape(EXIT_CODES), ".SH ENVIRONMENT"]
    lines += [".TP", ".B FACEWATCH_HOME", "Folder of settings, state, models and logs."]
    lines += [".TP", ".B FACEWATCH_MODELS", "Folder of the models alone."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE).write_text(page(), "utf-8")
