"""Fetch model files in a terminal: the licence question and the progress bar."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.prompt import Confirm

from facewatch.models.files import ModelFiles
from facewatch.models.files import Progress as Fetched


def fetch_missing(files: ModelFiles, names: Iterable[str], *, accept_licence: bool = False) -> None:
    """Fetch what of `names` is not here, asking for a licence first where one has to be accepted.

    Raises LicenceNotAccepted, DownloadFailed, DiskFull or CannotWrite.
    """
    missing = [name for name in names if files.state(name) not in {"present", "builtin"}]
    console = Console(stderr=True, highlight=False)
    for name in missing:
        settle_licence(console, files, name, accept=accept_licence)
    for name in missing:
        fetch(console, files, name)


def settle_licence(console: Console, files: ModelFiles, name: str, *, accept: bool) -> None:
    """Show a non-commercial licence and ask once.

    Without a terminal nothing is asked, and `fetch` says what to do.
    """
    licence = files.licence_question(name)
    if licence is None:
        return
    console.print(
        f"{name}: {licence.name}\n{licence.sentence}\n{licence.terms_url}", soft_wrap=True, markup=False
    )
    asked = (
        sys.stdin.isatty() and Confirm.ask("Accept?", console=console, default=False) if not accept else True
    )
    if asked:
        files.accept(name)


def fetch(console: Console, files: ModelFiles, name: str) -> None:
    """Fetch one file, with a bar that shows speed and time left.

    Raises LicenceNotAccepted, DownloadFailed, DiskFull or CannotWrite.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=None)

        def show(fetched: Fetched) -> None:
            bar.update(task, completed=fetched.done_bytes, total=fetched.total_bytes)

        files.fetch(name, show, threading.Event())
    console.print(f"{name} is here", markup=False)
