"""`facewatch autostart`: start at login."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from facewatch.cli.options import ConfigOption, places, store
from facewatch.errors import WrongUse
from facewatch.settings.installation import no_folder_error
from facewatch.system.autostart import Login, of_this_system, own_command
from facewatch.system.paths import expand_path

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Turn start at login on or off."
)


@app.command()
def on(
    systemd: Annotated[
        bool, typer.Option("--systemd", help="Linux: use a systemd unit, restarted when it fails.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Start facewatch at every login."""
    where = places(config)
    settings = store(where).load()  # a wrong or missing config would fail at every login
    login = login_of_this_program(config)
    wanted = login.ways[-1] if systemd else login.ways[0]
    if systemd and len(login.ways) == 1:
        raise WrongUse("--systemd is for Linux; leave it out")
    login.enable(wanted)
    print(f"on: {wanted.program()} starts at login ({wanted.place})")
    if not settings.folders:
        print(f"first: {no_folder_error(where)}", file=sys.stderr)


@app.command()
def off() -> None:
    """Do not start facewatch at login."""
    login_of_this_program(None).disable()
    print("off")


@app.command()
def status() -> None:
    """Show whether facewatch starts at login."""
    active = login_of_this_program(None).active()
    if active is None:
        print("off")
    elif active.state() == "broken":
        print(
            f"on, but points at a missing program: {active.program()} ({active.place}); "
            "`facewatch autostart on` fixes it"
        )
    else:
        print(f"on: {active.program()} ({active.place})")


def login_of_this_program(config: Path | None) -> Login:
    """Return the ways to start this installation at login, with `config` if given."""
    named = ("--config", str(expand_path(config))) if config else ()
    return of_this_system(own_command(("run", *named)))
