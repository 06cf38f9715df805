"""Final report of a run: one HTML page with its figures, failures by cause, and samples of before and after.

It is made of the light table's style sheet and its painter, which decodes pictures in a process of its own.
"""

from __future__ import annotations

import base64
import logging
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from facewatch import __version__
from facewatch.archive.manifest import write_new
from facewatch.archive.progress import Progress
from facewatch.archive.store import Store
from facewatch.archive.types import OWN_FOLDER, Row, WorkPlan, name_of
from facewatch.errors import BadPhoto, SourceGone
from facewatch.gallery.pictures import Painter
from facewatch.system.text import one_line

log = logging.getLogger(__name__)

RANDOM_SAMPLES = 9
LEAST_SIMILAR = 3
MOST_LINES = 100  # of workers and of causes
Paint = Callable[[Path, Path], None]
"""Writes a small JPEG (second path) of a picture (first path). Raises BadPhoto."""


class Samples:
    """Rows to show: some at random, each as likely, and those that resemble their originals least."""

    def __init__(self, seed: int = 0) -> None:
        """Begin with none; `seed` decides the random ones."""
        self._random = random.Random(seed)  # noqa: S311 - nothing secret
        self._seen = 0
        self._drawn: list[Row] = []
        self._least: list[Row] = []

    def add(self, row: Row) -> None:
        """Take a row into account, if it has a restored copy."""
        if not row.output or not row.restored:
            return
        self._seen += 1
        if len(self._drawn) < RANDOM_SAMPLES:
            self._drawn.append(row)
        elif (at := self._random.randrange(self._seen)) < RANDOM_SAMPLES:
            self._drawn[at] = row
        if row.similarity is not None:
            self._least = sorted([*self._least, row], key=_similarity)[:LEAST_SIMILAR]

    def rows(self) -> list[Row]:
        """Return the rows, each once."""
        return list({row.source: row for row in (*self._least, *self._drawn)}.values())


@dataclass(frozen=True)
class _Sample:
    name: str
    summary: str
    before: str  # JPEG, base64
    after: str


def write_report(
    plan: WorkPlan,
    source: Store,
    destination: Store,
    progress: Progress,
    samples: Samples,
    *,
    paint: Paint | None = None,
) -> str:
    """Write the report into the destination, and return its name there.

    paint  None: the light table's painter

    Raises CannotWrite, DiskFull or StoreUnavailable.
    """
    painter = None
    if paint is None:
        painter = Painter()
        paint = painter_of(painter)
    try:
        with tempfile.TemporaryDirectory(prefix="facewatch-report-") as scratch:
            shown = [_sample(row, source, destination, Path(scratch), paint) for row in samples.rows()]
    finally:
        if painter is not None:
            painter.close()
    page = _page(plan, source, destination, progress, [one for one in shown if one is not None])
    name = f"{OWN_FOLDER}/report-{plan.run}.html"
    write_new(destination, name, lambda path: path.write_text(page, "utf-8"))
    return name


def painter_of(painter: Painter) -> Paint:
    """Return the light table's painter as a function."""
    return lambda picture, target: painter.paint(picture, "thumbnail", target)


def _sample(row: Row, source: Store, destination: Store, scratch: Path, paint: Paint) -> _Sample | None:
    """Return a sample; None for a picture that cannot be shown any more, which the log names."""
    try:
        before = _picture(source, name_of(row.source), scratch / "before", paint)
        after = _picture(destination, name_of(row.output), scratch / "after", paint)
    except (BadPhoto, SourceGone) as error:
        log.warning("%s is not among the samples: %s", row.source, error)
        return None
    return _Sample(row.source, row.summary, before, after)


def _picture(store: Store, name: str, folder: Path, paint: Paint) -> str:
    folder.mkdir(exist_ok=True)
    target = folder / "small.jpg"
    paint(store.fetch(name, folder), target)
    return base64.b64encode(target.read_bytes()).decode("ascii")


def _as_text(value: Any) -> Any:
    """Write out controls and changes of direction in names and reasons."""
    return one_line(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _page(
    plan: WorkPlan, source: Store, destination: Store, progress: Progress, samples: list[_Sample]
) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("facewatch.archive"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_as_text,
    )
    style = resources.files("facewatch.gallery").joinpath("static", "style.css").read_text("utf-8")
    about: dict[str, Any] = {
        "style": style,
        "source": source.shown,
        "destination": destination.shown,
        "model": plan.recipe.plan.model,
        "weight": f"{plan.recipe.plan.weight:g}",
        "run": plan.run,
        "version": __version__,
        "outcomes": progress.outcomes.most_common(),
        "done_before": progress.done_before,
        "unlisted": progress.unlisted,
        "faces": progress.faces,
        "rate": f"{progress.rate:.2f}",
        "duration": f"{progress.seconds / 60:.1f} minutes",
        "causes": progress.causes.most_common(MOST_LINES),
        "deaths": progress.deaths,
        "workers": sorted(progress.by_worker.items(), key=lambda each: -each[1].photos)[:MOST_LINES],
        "samples": samples,
    }
    return environment.get_template("report.html").render(about)


def _similarity(row: Row) -> float:
    return 1.0 if row.similarity is None else row.similarity
