"""`facewatch run`: the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from facewatch.cli.options import ConfigOption, places
from facewatch.daemon import run as daemon


def run(
    no_tray: Annotated[bool, typer.Option("--no-tray", help="Without the icon in the tray.")] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Process the photos that are there, then exit.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Watch the folders and restore new photos until stopped."""
    raise typer.Exit(daemon.run(places(config), once=once, tray=not no_tray))
