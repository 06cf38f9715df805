"""`facewatch run`: the daemon."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
        with _restart_signal() as restart:
            code = daemon.run(where, once=once, tray=not no_tray)
    except BadSettings:
        if not (no_tray or once) and needs_first_steps(where):
            Opener().start(facewatch_command("gallery", "--page", "welcome"), child_environment())
        raise
    if restart.is_set():
        os.execv(sys.executable, facewatch_command(*sys.argv[1:]))  # noqa: S606 - this program, as it is now
    raise typer.Exit(code)


@contextmanager
def _restart_signal() -> Iterator[threading.Event]:
    """Let SIGUSR1 stop the daemon as SIGTERM does, and set the event that is yielded.

    An upgrade of the Debian package sends it (packaging/linux/postinst): a frozen app reads modules from its
    program's file when they are first needed, and finds another file there.
    """
    restart = threading.Event()
    if sys.platform == "win32":
        yield restart
        return

    def handle(*_: object) -> None:
        restart.set()
        signal.raise_signal(signal.SIGTERM)

    previous = signal.signal(signal.SIGUSR1, handle)
    try:
        yield restart
    finally:
        signal.signal(signal.SIGUSR1, previous)


def needs_first_steps(where: Places) -> bool:
    """Return True on a new installation that was started from a desktop, where no one reads an error."""
    desktop = sys.platform in {"win32", "darwin"} or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    terminal = sys.stdin is not None and sys.stdin.isatty()
    return desktop and not terminal and not os.path.lexists(where.config)
