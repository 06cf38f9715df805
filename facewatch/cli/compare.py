"""`facewatch compare`: one photo, several models and weights, one sheet to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facewatch.cli.options import ConfigOption, places


def compare(  # noqa: PLR0917 - typer's options
    photo: Annotated[Path, typer.Argument(help="The photo.")],
    models: Annotated[
        str, typer.Option("--models", "-m", help="Names, with commas between.")
    ] = "gfpgan-1.4,codeformer",
    weights: Annotated[
        str, typer.Option("--weights", "-w", help="0 = all restoration, 1 = closest to the original.")
    ] = "0,0.5,1",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The sheet.", show_default="PHOTO comparison.jpg")
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the models' licences without being asked.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Restore the largest face of a photo with every model and weight, side by side and labelled."""
    from facewatch.cli import comparing

    where = places(config)
    order = comparing.Order(
        photo, comparing.names(models), comparing.numbers(weights), output, accept_licence
    )
    print(comparing.compare(where, order))
