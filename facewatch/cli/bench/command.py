"""`facewatch bench`: facewatch and the reference programs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facewatch.cli.options import ConfigOption, JsonOption, places


def bench(  # noqa: PLR0917 - typer's options
    photos: Annotated[
        list[Path] | None,
        typer.Option(
            "--photos",
            metavar="FOLDER|PHOTO",
            help="Photos with faces; may be repeated.",
            show_default="the picture that is shipped",
        ),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cuda, cuda:1, mps, xpu, cpu.")] = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="Some stages, on small pictures.")] = False,
    stages: Annotated[
        str,
        typer.Option("--stages", help="Names with commas between, or how they begin.", show_default="all"),
    ] = "",
    only: Annotated[str | None, typer.Option("--only", help="ours: without the reference.")] = None,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Put the table into this file too.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    worker: Annotated[bool, typer.Option("--worker", hidden=True)] = False,
) -> None:
    """Measure facewatch against gfpgan, CodeFormer's and stable-diffusion-webui's flow, in one run."""
    if worker:
        from facewatch.cli.bench.worker import main

        main()
        return
    from facewatch.cli.bench import work

    order = work.order(tuple(photos or ()), device, stages, only, quick=quick)
    raise typer.Exit(work.bench(places(config), order, write, as_json=as_json))
