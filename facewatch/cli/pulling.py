"""Fetching models in a terminal: the licence's question, the progress bar, one line for each failure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from facewatch.errors import FacewatchError, LicenceNotAccepted, WrongUse

if TYPE_CHECKING:
    from rich.console import Console

    from facewatch.catalogue import Licence
    from facewatch.checkpoints import Checkpoints


def pull(checkpoints: Checkpoints, names: Sequence[str], *, accept_licence: bool = False) -> list[str]:
    """Fetch models one after the other, with a progress bar on stderr; the names that failed, already told.

    A licence that has to be accepted is asked for in a terminal, once; elsewhere the model counts as failed
    unless `accept_licence`.

    Raises WrongUse for an unknown name.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    for name in names:
        checkpoints.row(name)
    failed = []
    for name in names:
        try:
            _pull_one(checkpoints, name, console, accept_licence=accept_licence)
        except WrongUse:
            raise
        except FacewatchError as error:
            console.print(f"{name}: {error}", markup=False, soft_wrap=True)
            failed.append(name)
    return failed


def settle_licence(checkpoints: Checkpoints, name: str, *, accept_licence: bool) -> None:
    """Show the licence that has to be accepted, if there is one, and get the answer.

    Raises LicenceNotAccepted.
    """
    licence = checkpoints.licence_question(name)
    if licence is None:
        return
    _show(name, licence)
    if accept_licence or (sys.stdin.isatty() and typer.confirm("Do you accept it?", err=True)):
        checkpoints.accept(name)
        return
    raise LicenceNotAccepted(
        "not fetched, since its licence is not accepted; "
        f"`facewatch models accept {name}` or --accept-licence does that"
    )


def _show(name: str, licence: Licence) -> None:
    typer.echo(f"{name} comes under {licence.name}.\n{licence.sentence}\n{licence.terms_url}", err=True)


def _pull_one(checkpoints: Checkpoints, name: str, console: Console, *, accept_licence: bool) -> None:
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    from facewatch.checkpoints import Progress

    if checkpoints.state(name) == "present":
        typer.echo(f"{name}: {checkpoints.find(name)} is here already", err=True)
        return
    settle_licence(checkpoints, name, accept_licence=accept_licence)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bars(TextColumn("{task.description}"), *columns, console=console) as bars:
        task = bars.add_task(name, total=None)

        def show(progress: Progress) -> None:
            bars.update(task, completed=progress.done_bytes, total=progress.total_bytes)

        path = checkpoints.fetch(name, show, lambda: False)
    typer.echo(f"{name}: {path}", err=True)
