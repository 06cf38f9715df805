"""`facewatch uninstall`: take out what facewatch put into the system."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from facewatch.cli.autostart import login_of_this_program
from facewatch.cli.filemenu import entries
from facewatch.cli.markup import say
from facewatch.cli.options import ConfigOption, places, store
from facewatch.errors import WrongUse
from facewatch.state import requests
from facewatch.state.instance import running_pid
from facewatch.state.requests import Request
from facewatch.system.atomic import translate_write_errors
from facewatch.system.paths import Places

DEBIAN_FOLDER = Path("/opt/facewatch")  # packaging/deb.py
DEBIAN_LIST = Path("/var/lib/dpkg/info/facewatch.list")
QUIT_SECONDS = 30.0  # a photo in work is finished or given back first


def uninstall(
    state: Annotated[
        bool, typer.Option("--state", help="Also forget all photos: remove the ledger and the logs.")
    ] = False,
    models: Annotated[bool, typer.Option("--models", help="Also remove the downloaded models.")] = False,
    config: ConfigOption = None,
) -> None:
    """Remove what facewatch added here; photos and settings stay.

    It ends a running facewatch, removes start at login, the entries in the file manager and the launcher,
    then names the command that removes the program itself.
    """
    where = places(config)
    _end_running(where)
    login_of_this_program(None).disable()
    for entry in entries():
        entry.disable()
    if sys.platform.startswith("linux"):
        from facewatch.cli.start import install

        install(remove=True)
    say("removed: start at login and the entries in the file manager")
    if state:
        _remove(where.state)
        _remove(where.logs)
    if models:
        _remove_models(where)
    say(f"to remove the program too: {program_removal()}")


def _end_running(where: Places) -> None:
    """Ask the running facewatch to quit, and wait for its end. Raises WrongUse if it does not end."""
    pid = running_pid(where)
    if pid is None:
        return
    requests.put(where, Request("quit", pid=pid))
    deadline = time.monotonic() + QUIT_SECONDS
    while running_pid(where) == pid:
        if time.monotonic() > deadline:
            raise WrongUse(f"facewatch is running (process {pid}) and does not quit: end that process")
        time.sleep(0.1)
    say("ended: the running facewatch")


def _remove_models(where: Places) -> None:
    """Remove the models in facewatch's own folder; one that the user chose may hold other files too."""
    chosen = {store(where).load().models_folder, where.models if os.environ.get("FACEWATCH_MODELS") else None}
    for folder in filter(None, chosen):
        say(f"kept: {folder}, which you chose; remove the models in it yourself")
    if where.models not in chosen:
        _remove(where.models)


def _remove(folder: Path) -> None:
    """Remove a folder, and then its parent if that is facewatch's own and empty."""
    if not folder.is_dir():
        return
    with translate_write_errors(folder):
        shutil.rmtree(folder)
        if folder.parent.name == "facewatch" and not any(folder.parent.iterdir()):
            folder.parent.rmdir()
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
