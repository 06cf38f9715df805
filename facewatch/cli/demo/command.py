"""`facewatch demo`: the real daemon, once, on a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    photos: Annotated[
        list[Path] | None, typer.Argument(metavar="[PHOTO]...", help="Photos of your own to restore too.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="The model, as `facewatch models` names it.")
    ] = "builtin",
    weight: Annotated[
        float | None, typer.Option("--weight", "-w", help="0 = all restoration, 1 = closest to the original.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to keep it all.", show_default="a new temporary folder"),
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the model's licence without being asked.")
    ] = False,
) -> None:
    """Start the daemon on a temporary inbox, drop photos into it, and show what comes out."""
    from facewatch.cli.demo import demonstration

    order = demonstration.Order(photos or [], model, weight, output, accept_licence)
    raise typer.Exit(demonstration.demonstrate(order))
