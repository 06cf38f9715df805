"""A whole run: photos are prepared, then row after row is measured."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import psutil

from facewatch.cli.bench.case import Case
from facewatch.cli.bench.measurement import Result, measure
from facewatch.cli.bench.process import MeasuredProcess
from facewatch.cli.bench.rows import Flow, Plan, Row, detector_for, plan_for, rows_for
from facewatch.errors import CheckpointMissing, WrongUse
from facewatch.models.files import ModelFiles
from facewatch.restoration.codecs.formats import BY_SUFFIX

SHIPPED = "eileen-collins.jpg"
MACHINE, PHOTOS = "facewatch.cli.bench.machine:describe", "facewatch.cli.bench.photos:prepare"
MeasureRow = Callable[[Row, Callable[[Flow], MeasuredProcess], Callable[[], float]], Result]


@dataclass(frozen=True)
class Order:
    """Options of the command line."""

    photos: tuple[Path, ...]  # files and folders; none: the picture that facewatch ships
    device: str  # as in the settings
    plan: Plan


@dataclass(frozen=True)
class Outcome:
    """The whole run."""

    about: dict[str, Any]
    results: tuple[Result, ...]

    @property
    def failed(self) -> bool:
        """True if a flow could not be measured."""
        return any(flow.failure for result in self.results for flow in result.flows)


def downloaded(model_files: ModelFiles, names: Collection[str], _: Case) -> dict[str, str]:
    """Return the paths of the downloaded models among `names`."""
    return {name: str(model_files.find(name)) for name in names if model_files.state(name) == "present"}


def run(
    order: Order,
    model_files: ModelFiles,
    report: Callable[[str], None],
    rows_of: Callable[[Plan, str], tuple[Row, ...]] = rows_for,
    find_models: Callable[[ModelFiles, Collection[str], Case], dict[str, str]] = downloaded,
    *,
    measure_row: MeasureRow = measure,
) -> Outcome:
    """Measure every row of the plan.

    report       receives the name of each step
    rows_of      returns the rows of a plan on a device
    find_models  returns the paths of those of the models that can be measured
    measure_row  measures one row, as `measurement.measure`

    Raises WrongUse, CheckpointMissing when no row can be measured, FlowFailed when the preparation fails.
    """
    sources = _sources(order.photos)
    rows_of(order.plan, "cuda")  # an unknown row fails before anything is started
    with tempfile.TemporaryDirectory(prefix="facewatch-bench-") as folder:
        report("the machine")
        machine = figures(Case(MACHINE, folder, "", tuned=False, args={"device": order.device}))
        plan = plan_for(order.plan, machine["device"])
        bare = Case("", folder, machine["device"], tuned=False)
        report("the models")
        rows = rows_of(plan, machine["device"])
        names = {name for row in rows for flow in row.flows for name in flow.models}
        models = find_models(model_files, sorted(names), bare)
        missing = sorted(names - models.keys())
        rows = _measurable(rows, models, missing)
        report("the photos")
        photos = _photos(plan, replace(bare, models=models), sources, model_files)
        results = []
        for row in rows:
            report(row.title)
            results.append(measure_row(row, _starter(replace(bare, models=models), photos), _free_bytes))
    about = {"machine": machine, "missing_models": missing, "photos": photos}
    return Outcome(about, tuple(results))


def figures(case: Case) -> dict[str, Any]:
    """Prepare a case in a process of its own and return the figures of the preparation."""
    with closing(MeasuredProcess(case)) as process:
        return process.start().extra


def _sources(photos: Sequence[Path]) -> list[str]:
    found: list[Path] = []
    for photo in photos:
        path = photo.expanduser().absolute()
        if not path.exists():
            raise WrongUse(f"{photo} is not there; name photos or folders of photos")
        found += sorted(path.iterdir()) if path.is_dir() else [path]
    kept = [str(path) for path in found if path.suffix.lower() in BY_SUFFIX and path.is_file()]
    if photos and not kept:
        raise WrongUse("no photos found there; facewatch takes JPEG, PNG, WebP, TIFF, BMP, HEIC and AVIF")
    return kept or [str(resources.files("facewatch.cli.demo").joinpath(SHIPPED))]


def _measurable(rows: Sequence[Row], models: dict[str, str], missing: Sequence[str]) -> tuple[Row, ...]:
    kept = [
        replace(row, flows=tuple(flow for flow in row.flows if models.keys() >= set(flow.models)))
        for row in rows
    ]
    if not any(row.flows for row in kept):
        raise CheckpointMissing(
            f"nothing to measure without {', '.join(missing)}; `facewatch models pull NAME` downloads a model"
        )
    return tuple(row for row in kept if row.flows)


def _photos(plan: Plan, bare: Case, sources: Sequence[str], model_files: ModelFiles) -> dict[str, Any]:
    """Return the figures of facewatch.cli.bench.photos.prepare."""
    detector = detector_for(bare.device)
    trained = detector in bare.models and model_files.state(detector) == "present"
    args = {
        "sources": list(sources),
        "detector": detector if trained else None,
        "megapixels": plan.megapixels,
        "album": {"photos": plan.album_photos, "megapixels": plan.album_megapixels},
    }
    return figures(replace(bare, maker=PHOTOS, args=args))


def _starter(bare: Case, photos: dict[str, Any]) -> Callable[[Flow], MeasuredProcess]:
    crops = {name: photos[name] for name in ("crop", "restored", "labels")}

    def start(flow: Flow) -> MeasuredProcess:
        args = {**crops, **flow.args}
        if "first" in args:
            args["photos"] = photos["album"][: args.pop("first")]
        faces = photos["faces"]
        if "photo" in args:
            height, width = photos["shapes"][args["photo"]]
            key = f"{height}x{width}"
            faces = {key: faces[key]}
            args["photo"] = photos["photos"][args["photo"]]
        tuned = flow.side != "reference"
        return MeasuredProcess(replace(bare, maker=flow.maker, tuned=tuned, faces=faces, args=args))

    return start


def _free_bytes() -> float:
    return float(psutil.virtual_memory().available)
