"""Downloads in a terminal: the licence question and the progress bar."""

from __future__ import annotations

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

from facewatch.cli.terminal import can_ask
from facewatch.errors import DownloadFailed, FacewatchError, LicenceNotAccepted
from facewatch.models import catalogue
from facewatch.models.files import ModelFiles
from facewatch.models.files import Progress as DownloadProgress
from facewatch.system.text import printable

WITHOUT_IDENTITY = 'with --identity warn (or identity = "warn") faces are shown without a comparison'


def fetch_missing(
    files: ModelFiles, names: Iterable[str], optional: Iterable[str] = (), *, accept_licence: bool = False
) -> None:
    """Download the missing models of `names`, after asking about licences that need acceptance.

    optional  models to download along with others, and never alone; a failure is shown, not raised

    Raises LicenceNotAccepted, DownloadFailed, DiskFull or CannotWrite.
    """
    missing = [name for name in names if files.state(name) not in {"present", "builtin"}]
    console = Console(stderr=True, highlight=False)
    for name in missing:
        ask_licence(console, files, name, accept=accept_licence)
    for name in missing:
        try:
            fetch(console, files, name)
        except DownloadFailed as error:
            if name not in catalogue.names("identity"):
                raise
            raise DownloadFailed(f"{error}; {WITHOUT_IDENTITY}") from error
    for name in optional if missing else ():
        try:
            if files.state(name) != "present":
                fetch(console, files, name)
        except FacewatchError as error:
            console.print(printable(error), markup=False, soft_wrap=True)


def ask_licence(console: Console, files: ModelFiles, name: str, *, accept: bool) -> None:
    """Show what is wrong with a file that is here, and a licence that needs acceptance; ask once.

    Without a terminal there is no question, and `fetch` says all of that, and what to do.

    Raises LicenceNotAccepted if the answer is no.
    """
    licence = files.licence_question(name)
    if licence is not None and not accept and not can_ask():
        return
    if problem := files.problem(name):
        console.print(printable(problem), markup=False, soft_wrap=True)
    if licence is None:
        return
    console.print(
        f"{name}: {licence.name}\n{licence.sentence}\n{licence.terms_url}", soft_wrap=True, markup=False
    )
    if not accept and not Confirm.ask("Accept?", console=console, default=False):
        raise LicenceNotAccepted(f"{name} is not downloaded: its licence was not accepted")
    files.accept(name)


def fetch(console: Console, files: ModelFiles, name: str) -> None:
    """Download one file, with a bar that shows speed and time left.

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

        def show(progress: DownloadProgress) -> None:
            bar.update(task, completed=progress.done_bytes, total=progress.total_bytes)

        files.fetch(name, show, threading.Event())
    console.print(f"{printable(name)} downloaded", markup=False)
