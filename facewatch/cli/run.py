"""`facewatch run`: the daemon."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from facewatch.cli.options import ConfigOption, places
from facewatch.daemon import run as daemon
from facewatch.errors import BadSettings
from facewatch.system.paths import Places
from facewatch.system.processes import child_environment, facewatch_command
from facewatch.tray.opener import Opener


def run(
    no_tray: Annotated[bool, typer.Option("--no-tray", help="Without the icon in the tray.")] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Process the photos that are there, then exit.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Watch the folders and restore new photos until stopped."""
    where = places(config)
    try:
        code = daemon.run(where, once=once, tray=not no_tray)
    except BadSettings:
        if not (no_tray or once) and needs_first_steps(where):
            Opener().start(facewatch_command("gallery", "--page", "welcome"), child_environment())
        raise
    raise typer.Exit(code)


def needs_first_steps(where: Places) -> bool:
    """Return True on a new installation that was started from a desktop, where no one reads an error."""
    desktop = sys.platform in {"win32", "darwin"} or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    terminal = sys.stdin is not None and sys.stdin.isatty()
    return desktop and not terminal and not os.path.lexists(where.config)
