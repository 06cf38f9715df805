"""`facewatch start`, `facewatch install`: without a terminal, from the desktop's menu."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from facewatch.cli.config import write_first_config
from facewatch.cli.markup import say
from facewatch.cli.options import ConfigOption, places, store
from facewatch.errors import FacewatchError
from facewatch.state.first_start import ask_for_model
from facewatch.state.instance import running_pid
from facewatch.system.atomic import translate_write_errors, write_atomically
from facewatch.system.autostart import own_command
from facewatch.system.processes import child_environment, facewatch_command
from facewatch.tray.opener import Opener

ICON = "icons/hicolor/scalable/apps/facewatch.svg"
ENTRY = "applications/facewatch.desktop"


def start(config: ConfigOption = None) -> None:
    """Start facewatch in the background, or show the one that runs."""
    where = places(config, new=True)
    settings_store = store(where)
    if not settings_store.load().folders:
        say(write_first_config(where))
        ask_for_model(where)
    inbox = settings_store.load().folders[0].input
    opener = Opener()
    missing = "" if os.path.isdir(inbox) else f"{inbox} is missing"  # noqa: PTH112 - never raises
    wish = (
        f"{missing}: make that folder, or name another in {where.config}"
        if missing
        else f"drop photos into {inbox}"
    )
    pid = running_pid(where)
    if pid is None:
        opener.start(facewatch_command("run", "--config", str(where.config)), child_environment())
        say(f"started; {wish}")
    else:
        say(f"facewatch is running (process {pid}); {wish}")
    if missing:
        return
    try:
        opener.open(str(inbox))
    except FacewatchError as error:  # there may be no desktop, and the daemon runs all the same
        say(f"facewatch: {error}", stream=sys.stderr)


def install(
    remove: Annotated[bool, typer.Option("--remove", help="Remove the launcher.")] = False,
) -> None:
    """Put facewatch and its icon into the menu of a Linux desktop."""
    if sys.platform in {"win32", "darwin"}:
        raise FacewatchError("the app of this system brings its own launcher; see the user guide")
    from facewatch.system.autostart.xdg import launcher_text
    from facewatch.system.filemanager.linux import data_home
    from facewatch.tray.icon import Picture, svg

    entry, icon = data_home() / ENTRY, data_home() / ICON
    if remove:
        for file in (entry, icon):
            with translate_write_errors(file):
                file.unlink(missing_ok=True)
        say("removed")
        return
    write_atomically(icon, svg(Picture("idle")).encode())
    write_atomically(entry, launcher_text(own_command(("start",))).encode())
    say(f"installed: {entry}")
