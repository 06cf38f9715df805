"""`facewatch filemenu`: an entry for photos in Explorer, Nautilus, Dolphin or Finder."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from facewatch.cli.markup import say
from facewatch.system.autostart import own_command
from facewatch.system.filemanager import Entry, of_this_system

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Offer to restore photos in the file manager, or not.",
)


@app.command()
def on() -> None:
    """Offer to restore photos in the file manager."""
    for entry in entries():
        entry.enable()
        say(f"on: {entry.place}")


@app.command()
def off() -> None:
    """Take the entries out."""
    for entry in entries():
        entry.disable()
    say("off")


@app.command()
def status() -> None:
    """Show which entries are there."""
    for entry in entries():
        say(f"{'on' if entry.is_on() else 'off'}: {entry.place}")


def entries() -> tuple[Entry, ...]:
    """Return the entries of this system, which start this installation."""
    command = own_command(("restore",))
    console = Path(command[0]).with_name("facewatch.exe")
    if os.name == "nt" and console.is_file():
        command = str(console), "restore"  # its window shows progress and errors
    return of_this_system(command)
