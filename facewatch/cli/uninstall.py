"""`facewatch uninstall`: take out what facewatch put into the system."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from facewatch.cli.autostart import login_of_this_program
from facewatch.cli.filemenu import entries
from facewatch.cli.markup import say
from facewatch.cli.options import ConfigOption, places
from facewatch.errors import WrongUse
from facewatch.state.instance import running_pid
from facewatch.system.atomic import translate_write_errors

DEBIAN_FOLDER = Path("/opt/facewatch")  # packaging/deb.py
DEBIAN_LIST = Path("/var/lib/dpkg/info/facewatch.list")


def uninstall(
    state: Annotated[
        bool, typer.Option("--state", help="Also forget all photos: remove the ledger and the logs.")
    ] = False,
    models: Annotated[bool, typer.Option("--models", help="Also remove the downloaded models.")] = False,
    config: ConfigOption = None,
) -> None:
    """Remove what facewatch added here; photos and settings stay.

    It removes start at login, the entries in the file manager and the launcher, then names the command that
    removes the program itself.
    """
    where = places(config)
    if (pid := running_pid(where)) is not None:
        raise WrongUse(f"facewatch is running (process {pid}): quit it in its tray menu, or end that process")
    login_of_this_program(None).disable()
    for entry in entries():
        entry.disable()
    if sys.platform.startswith("linux"):
        from facewatch.cli.start import install

        install(remove=True)
    say("removed: start at login and the entries in the file manager")
    for wanted, folder in ((state, where.state), (state, where.logs), (models, where.models)):
        if wanted and folder.is_dir():
            _remove(folder)
    say(f"to remove the program too: {program_removal()}")


def _remove(folder: Path) -> None:
    with translate_write_errors(folder):
        shutil.rmtree(folder)
    say(f"removed: {folder}")


def program_removal() -> str:
    """Return what removes the program itself, by how it was installed."""
    if getattr(sys, "frozen", False):
        if DEBIAN_LIST.is_file() and Path(sys.executable).is_relative_to(DEBIAN_FOLDER):
            return "sudo apt remove facewatch"
        return f"remove the app at {Path(sys.executable).parent}"
    parts = Path(sys.prefix).parts
    if "pipx" in parts:
        return "pipx uninstall facewatch"
    if "uv" in parts:
        return "uv tool uninstall facewatch"
    return f"{sys.executable} -m pip uninstall facewatch"
