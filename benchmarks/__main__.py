"""`python -m benchmarks`: facewatch and the reference programs, measured side by side."""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import models, table
from benchmarks.rows import NEED_GFPGAN, rows_for
from facewatch.cli.bench.bench import DeviceOption, PhotosOption, QuickOption, StagesOption, plan_of, show
from facewatch.cli.bench.run import Order, run
from facewatch.cli.main import main
from facewatch.cli.options import ConfigOption, JsonOption, model_files, places
from facewatch.errors import WrongUse

ROOT = Path(__file__).resolve().parent.parent


def bench(  # noqa: PLR0917 - typer's options
    photos: PhotosOption = None,
    device: DeviceOption = "auto",
    quick: QuickOption = False,
    stages: StagesOption = "",
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Put the table into this file too.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Measure facewatch against gfpgan, CodeFormer's and stable-diffusion-webui's flow, in one run."""
    order = Order(tuple(photos or ()), device, replace(plan_of(stages, quick=quick), mask="parse"))
    require_gfpgan(order)
    # The measured processes work in the run's folder, and import the flows of this one.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    files = model_files(places(config))
    console = Console(stderr=True, highlight=False)
    with console.status("preparing") as line:
        outcome = run(order, files, line.update, rows_for, models.provide)
    outcome.about["random_models"] = models.missing(files, outcome)
    lines, notes, about = table.cells(outcome.results), table.notes(outcome), table.about_lines(outcome.about)
    if write is not None:
        table.write_between(write, table.markdown(about, lines, notes))
    if as_json:
        print(json.dumps(table.as_json(outcome, table.HEADINGS, lines, notes), indent=2))
    else:
        show(about, table.HEADINGS, lines, notes)
    raise typer.Exit(1 if outcome.failed else 0)


def require_gfpgan(order: Order) -> None:
    """Raise WrongUse if a row of the plan needs gfpgan and it is not installed."""
    makers = {flow.maker for row in rows_for(order.plan, "cuda") for flow in row.flows}
    if makers & NEED_GFPGAN and not importlib.util.find_spec("gfpgan"):
        raise WrongUse(
            "gfpgan is not installed: pip install 'facewatch[reference]' (Python below 3.13), or measure "
            "facewatch alone with `facewatch bench`"
        )


if __name__ == "__main__":
    main(lambda: typer.run(bench))
