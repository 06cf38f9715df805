"""The work behind `facewatch bench`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from facewatch.cli.bench import table
from facewatch.cli.bench.plan import QUICK, Plan
from facewatch.cli.bench.run import Order, Outcome, run
from facewatch.cli.options import model_files
from facewatch.errors import WrongUse
from facewatch.system.paths import Places


def order(photos: tuple[Path, ...], device: str, stages: str, only: str | None, *, quick: bool) -> Order:
    """What the options ask for.

    Raises WrongUse.
    """
    if only not in {None, "ours"}:
        raise WrongUse(f"--only {only}: there is only `--only ours`")
    named = tuple(name.strip() for name in stages.split(",") if name.strip())
    plan = QUICK if quick else Plan()
    return Order(photos, device, replace(plan, rows=named) if named else plan, only == "ours")


def bench(places: Places, asked: Order, write: Path | None, *, as_json: bool) -> int:
    """Measure, print and write; the exit code: 0 all measured, 1 something could not be."""
    console = Console(stderr=True, highlight=False)
    with console.status("making ready") as line:
        outcome = run(asked, model_files(places), line.update)
    if write is not None:
        table.write_between(write, table.markdown(outcome.about, outcome.results))
    if as_json:
        print(json.dumps(table.as_json(outcome.about, outcome.results), indent=2))
    else:
        _show(outcome)
    return 1 if outcome.failed else 0


def _show(outcome: Outcome) -> None:
    shown = Table(box=None, pad_edge=False)
    for heading in table.HEADINGS:
        shown.add_column(heading, justify="left" if heading == table.HEADINGS[0] else "right")
    for line in table.cells(outcome.results):
        shown.add_row(*line)
    console = Console(highlight=False, markup=False)
    if not sys.stdout.isatty():
        console.width = 300  # a pipe has no width; nothing is to be cut
    for words in table.about_lines(outcome.about):
        console.print(words, soft_wrap=True)
    console.print(shown)
    for note in table.notes(outcome.results):
        console.print(f"- {note}", soft_wrap=True)
