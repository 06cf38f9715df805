"""The command line: a table of commands, each imported when it is called."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from facewatch import __version__
from facewatch.errors import AlreadyRunning, FacewatchError, WrongUse
from facewatch.system.text import printable

SOME_FAILED, WRONG_USE, ALREADY_RUNNING, INTERRUPTED = 1, 2, 4, 130
EXIT_CODES = (
    "Exit codes: 0 done; 1 something failed, such as some of the photos; 2 wrong use, or wrong settings; "
    "4 facewatch is running already; 130 interrupted."
)


@dataclass(frozen=True)
class Row:
    """One command of the table."""

    target: str  # "module:name" below facewatch.cli: a function, or a typer app with commands of its own
    help: str = ""  # the first line of its docstring
    hidden: bool = False
    takes_dashes: bool = False  # an argument may begin with a dash: set suffix -restored


COMMANDS = {
    "run": Row("run:run", "Watch the folders and restore new photos until stopped."),
    "start": Row("start:start", "Start facewatch in the background, or show the one that runs."),
    "restore": Row("restore:restore", "Restore photos now; the originals are only read."),
    "archive": Row("archive:archive", "Restore an archive on many cores, GPUs or machines."),
    "compare": Row("compare:compare", "Compare models and weights on one face, side by side."),
    "demo": Row("demo.demo:demo", "Try facewatch on a sample photo, in a folder of its own."),
    "status": Row("status:status", "Show progress, results, and what failed and why."),
    "pause": Row("control:pause", "Start no further photo; the current one is finished."),
    "resume": Row("control:resume", "Continue after a pause."),
    "set": Row(
        "config:set_value",
        "Change one setting; a running facewatch follows.",
        takes_dashes=True,
    ),
    "models": Row("models:app", "List, download, check and remove models."),
    "config": Row("config:app", "Show, check and create the config file."),
    "redo": Row("control:redo", "Restore a photo again; the earlier copy is kept, or replaced."),
    "retry": Row("control:retry", "Try failed photos again: all, or those that are named."),
    "tray": Row("tray:tray", "Show the tray icon; `facewatch run` starts it by itself."),
    "gallery": Row("gallery:gallery", "Look at photos before and after, and decide, in your browser."),
    "gallery-painter": Row(
        "gallery:painter", "Decode pictures for the gallery, which starts this.", hidden=True
    ),
    "autostart": Row("autostart:app", "Turn start at login on or off."),
    "filemenu": Row("filemenu:app", "Offer to restore photos in the file manager, or not."),
    "install": Row("start:install", "Put facewatch and its icon into the menu of a Linux desktop."),
    "uninstall": Row("uninstall:uninstall", "Remove what facewatch added here; photos and settings stay."),
    "doctor": Row("doctor.doctor:doctor", "Check the installation and say what to fix."),
    "report": Row(
        "report.report:report",
        "Pack a zip for a bug report, without names and photos.",
    ),
    "bench": Row("bench.bench:bench", "Measure how fast facewatch is on this machine."),
    "engine": Row(
        "engine:engine", "Restore photos that arrive on a pipe; the daemon starts this.", hidden=True
    ),
}


class LazyCommand(TyperCommand):
    """A command of the table, whose module is imported when the command is called."""

    def __init__(self, name: str, row: Row) -> None:
        super().__init__(name, help=row.help, hidden=row.hidden)
        self._row = row

    def load(self) -> Any:
        """Return the command itself."""
        module, _, name = self._row.target.partition(":")
        app = getattr(importlib.import_module(f"facewatch.cli.{module}"), name)
        if not isinstance(app, typer.Typer):
            function, app = app, typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(context_settings={"ignore_unknown_options": self._row.takes_dashes})(function)
        command = typer.main.get_command(app)
        _hide_types(command)
        return command

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """Parse the arguments with the command itself; its context then runs it."""
        return self.load().make_context(*arguments, **named)


def _hide_types(command: Any) -> None:
    """Leave Python's types, such as list[Path], out of the help of arguments."""
    for inner in getattr(command, "commands", {}).values():
        _hide_types(inner)
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            parameter.display_type_rich = lambda **_: None


class LazyGroup(TyperGroup):
    """The program: its commands are those of the table."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: LazyCommand(name, row) for name, row in COMMANDS.items()}


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Watches folders, restores the faces in new photos, and leaves the originals alone.",
    pretty_exceptions_enable=False,
)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"facewatch {__version__}")
        raise typer.Exit


@app.callback()
def facewatch(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Print the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Take the options that come before the command."""


def main(program: Callable[..., object] = app) -> None:
    """Run one command and exit with one of EXIT_CODES."""
    _escape_unprintable_names()
    if "_FACEWATCH_COMPLETE" in os.environ:
        os.environ["COLUMNS"] = "10000"  # rich breaks help texts, and a shell takes each line for a choice
    try:
        program(_arguments(), prog_name="facewatch") if program is app else program()
    except WrongUse as error:
        sys.exit(_print_error(error, WRONG_USE))
    except AlreadyRunning as error:
        sys.exit(_print_error(error, ALREADY_RUNNING))
    except FacewatchError as error:
        sys.exit(_print_error(error, SOME_FAILED))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has left: Python's last flush must not fail
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the last resort: say that facewatch is at fault, and how to report it
        _print_traceback(error)
        print("facewatch: this is a bug in facewatch; please report it with the lines above", file=sys.stderr)
        sys.exit(1)


def _arguments() -> list[str]:
    """Return the arguments; `start` for an app that was opened by a double click, which gives none."""
    opened = len(sys.argv) == 1 and getattr(sys, "frozen", False) and sys.platform in {"win32", "darwin"}
    # A windowed program of Windows has no standard input, and Finder gives one that is no terminal.
    return ["start"] if opened and (sys.stdin is None or not sys.stdin.isatty()) else sys.argv[1:]


def _escape_unprintable_names() -> None:
    """Escape characters that the terminal's encoding lacks: a photo may have any name."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a windowed program has none
            stream.reconfigure(errors="backslashreplace")


def _print_error(error: FacewatchError, code: int) -> int:
    print(f"facewatch: {printable(error)}", file=sys.stderr)
    if sys.argv[1:2] in ([], ["start"]) and _is_unseen():  # from a desktop's menu, or by a double click
        from facewatch.system.notification import notify

        notify("Facewatch", printable(error), warning=True)
    return code


def _print_traceback(error: Exception) -> None:
    """Log the error if this process has a log, which a tray without a terminal needs, or else print it."""
    import logging  # most commands do without

    if logging.getLogger().handlers:
        logging.getLogger(__name__).critical("a bug in facewatch", exc_info=error)
    else:
        traceback.print_exception(error)


def _is_unseen() -> bool:
    """Return True if no terminal shows what this program prints."""
    if sys.platform == "win32":  # a box would stop a script that has redirected the streams
        return sys.stderr is None
    return not any(stream and stream.isatty() for stream in (sys.stdin, sys.stderr))
