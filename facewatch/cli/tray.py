"""`facewatch tray`: the icon, as a process of its own."""

from __future__ import annotations

import sys

import typer

from facewatch.cli.options import ConfigOption, model_files, places, store


def tray(config: ConfigOption = None) -> None:
    """Show the icon in the tray; `facewatch run` starts it by itself.

    Ends with 0 when it was closed, 3 where the desktop has no tray, 4 when another process shows it already.
    """
    from facewatch.cli.autostart import of_this_program
    from facewatch.daemon import tray_supervisor
    from facewatch.errors import AlreadyRunning, NoTray
    from facewatch.system import logs
    from facewatch.tray import main

    where = places(config)
    logs.start(where.logs / "tray.log")
    try:
        main.run(where, store(where), lambda settings: model_files(where, settings), of_this_program(config))
    except (NoTray, AlreadyRunning) as error:
        print(f"facewatch: {error}", file=sys.stderr)
        code = tray_supervisor.NO_TRAY if isinstance(error, NoTray) else tray_supervisor.SHOWN_ALREADY
        raise typer.Exit(code) from error
