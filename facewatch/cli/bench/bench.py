"""`facewatch bench`: the speed of facewatch on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from facewatch.cli.bench.rows import QUICK, Plan
from facewatch.cli.options import ConfigOption, JsonOption, model_files, places

PhotosOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--photos",
        metavar="FOLDER|PHOTO",
        help="Photos with faces; may be repeated.",
        show_default="the picture that is shipped",
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help="auto, cuda, cuda:1, mps, xpu, cpu.")
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Some stages, on small pictures.")]
StagesOption = Annotated[
    str,
    typer.Option(
        "--stages",
        metavar="NAMES",
        help="Names or beginnings of names, separated by commas.",
        show_default="all",
    ),
]


def bench(  # noqa: PLR0917 - typer's options
    photos: PhotosOption = None,
    device: DeviceOption = "auto",
    quick: QuickOption = False,
    stages: StagesOption = "",
    as_json: JsonOption = False,
    config: ConfigOption = None,
    worker: Annotated[bool, typer.Option("--worker", hidden=True)] = False,
) -> None:
    """Measure how fast facewatch is on this machine."""
    if worker:
        from facewatch.cli.bench.worker import main

        main()
        return
    from facewatch.cli.bench import table
    from facewatch.cli.bench.run import Order, run

    order = Order(tuple(photos or ()), device, plan_of(stages, quick=quick))
    console = Console(stderr=True, highlight=False)
    with console.status("preparing") as line:
        outcome = run(order, model_files(places(config)), line.update)
    lines, notes = table.cells(outcome.results), table.notes(outcome)
    if as_json:
        print(json.dumps(table.as_json(outcome, table.HEADINGS, lines, notes), indent=2))
    else:
        show(table.about_lines(outcome.about), table.HEADINGS, lines, notes)
    raise typer.Exit(1 if outcome.failed else 0)


def plan_of(stages: str, *, quick: bool) -> Plan:
    """Return the plan that the options ask for."""
    names = tuple(name.strip() for name in stages.split(",") if name.strip())
    plan = QUICK if quick else Plan()
    return replace(plan, rows=names) if names else plan


def show(
    about: Sequence[str], headings: Sequence[str], lines: Sequence[Sequence[str]], notes: Sequence[str]
) -> None:
    """Print the table, and below it the notes."""
    shown = Table(box=None, pad_edge=False)
    for heading in headings:
        shown.add_column(heading, justify="left" if heading == headings[0] else "right")
    for line in lines:
        shown.add_row(*line)
    console = Console(highlight=False, markup=False)
    if not sys.stdout.isatty():
        console.width = 300  # a pipe has no width; cut nothing
    for words in about:
        console.print(words, soft_wrap=True)
    console.print(shown)
    for note in notes:
        console.print(f"- {note}", soft_wrap=True)
