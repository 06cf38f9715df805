"""`facewatch tray`: the process of the tray icon."""

from __future__ import annotations

import sys

import typer

from facewatch.cli.autostart import login_of_this_program
from facewatch.cli.options import ConfigOption, model_files, places, store
from facewatch.daemon.tray_supervisor import NO_TRAY, SHOWN_ALREADY
from facewatch.errors import AlreadyRunning, NoTray
from facewatch.system import logs
from facewatch.tray import main


def tray(config: ConfigOption = None) -> None:
    """Show the tray icon; `facewatch run` starts it by itself.

    Exits with 0 when it is closed, 3 if the desktop has no tray, 4 if another process already shows it.
    """
    where = places(config)
    logs.start(where.logs / "tray.log")
    try:
        main.run(
            where, store(where), lambda settings: model_files(where, settings), login_of_this_program(config)
        )
    except (NoTray, AlreadyRunning) as error:
        print(f"facewatch: {error}", file=sys.stderr)
        code = NO_TRAY if isinstance(error, NoTray) else SHOWN_ALREADY
        raise typer.Exit(code) from error
