"""`facewatch autostart`: start at login, or no longer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewatch.cli.options import ConfigOption, places, store
from facewatch.errors import WrongUse
from facewatch.system.paths import expand_path

if TYPE_CHECKING:
    from facewatch.system.autostart import Login

app = typer.Typer(no_args_is_help=True, help="Start facewatch at login, or no longer.")


@app.command()
def on(
    systemd: Annotated[
        bool, typer.Option("--systemd", help="Linux: a unit of systemd, started again when it fails.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Start facewatch at login from now on."""
    where = places(config)
    settings = store(where).load()  # what is wrong, or not there, would fail at every login
    login = of_this_program(config)
    wanted = login.ways[-1] if systemd else login.ways[0]
    if systemd and len(login.ways) == 1:
        raise WrongUse("--systemd is for Linux; leave it out")
    login.enable(wanted)
    print(f"on: {wanted.program()} is started at login ({wanted.place})")
    if not settings.folders:
        from facewatch.settings.installation import no_folder_error

        print(f"before that: {no_folder_error(where)}", file=sys.stderr)


@app.command()
def off() -> None:
    """Start facewatch at login no longer."""
    of_this_program(None).disable()
    print("off")


@app.command()
def status() -> None:
    """Say whether facewatch is started at login."""
    active = of_this_program(None).active()
    if active is None:
        print("off")
    elif active.state() == "broken":
        print(
            f"on, but points at a missing program: {active.program()} ({active.place}); "
            "`facewatch autostart on` mends it"
        )
    else:
        print(f"on: {active.program()} ({active.place})")


def of_this_program(config: Path | None) -> Login:
    """The ways to start this very installation, with its config file if it is an unusual one."""
    from facewatch.system.autostart import of_this_system, own_command

    named = ("--config", str(expand_path(config))) if config else ()
    return of_this_system(own_command(("run", *named)))
