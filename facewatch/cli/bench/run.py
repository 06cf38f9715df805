"""The whole benchmark: models and photos made ready, then row after row."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import psutil

from facewatch.cli.bench.case import Case, Sample
from facewatch.cli.bench.child import Child
from facewatch.cli.bench.measuring import Result, measure
from facewatch.cli.bench.plan import Plan, for_device
from facewatch.cli.bench.rows import Flow, Row, rows_of, without_peers
from facewatch.errors import WrongUse
from facewatch.models.catalogue import BY_NAME
from facewatch.models.files import ModelFiles
from facewatch.restoration.codecs.formats import BY_SUFFIX

SHIPPED = "eileen-collins.jpg"
WEIGHTS = Path("gfpgan", "weights")
"""Below the run's folder, which is the flows' working directory: where gfpgan looks for facexlib's files."""
DETECTOR = "retinaface-mobilenet"


@dataclass(frozen=True)
class Order:
    """What the command line asks for."""

    photos: tuple[Path, ...]  # files and folders; none: the picture that is shipped
    device: str  # a wish, as in the settings
    plan: Plan
    only_ours: bool


@dataclass(frozen=True)
class Outcome:
    """The whole run."""

    about: dict[str, Any]
    results: tuple[Result, ...]

    @property
    def failed(self) -> bool:
        """Whether a flow could not be measured."""
        return any(flow.failure for result in self.results for flow in result.flows)


def run(order: Order, model_files: ModelFiles, tell: Callable[[str], None]) -> Outcome:
    """Measure everything that is asked for; `tell` hears what is being done.

    Raises WrongUse, when the peers are not installed among others; FlowFailed when nothing can be made ready.
    """
    sources = _sources(order.photos)
    _require_peers(_rows(order, order.plan, "cuda"))  # before anything is started: every row there may be
    with tempfile.TemporaryDirectory(prefix="facewatch-bench-") as name:
        folder = Path(name)
        (folder / WEIGHTS).mkdir(parents=True)
        tell("the machine")
        machine = _told(Case("machine.describe", name, "", tuned=False, args={"wish": order.device}))
        plan = for_device(order.plan, machine["device"])
        rows = _rows(order, plan, machine["device"])
        bare = Case("", name, machine["device"], tuned=False)
        tell("the models")
        models, written = _models(rows, bare, model_files)
        trained = model_files.state(DETECTOR) == "present"
        tell("the photos")
        photos = _photos(plan, bare, sources, models, trained=trained)
        results = []
        for row in rows:
            tell(row.title)
            results.append(measure(row, _starter(bare, models, photos), _free_bytes))
    about = {"machine": machine, "random_models": written, "photos": photos}
    return Outcome(about, tuple(results))


def _rows(order: Order, plan: Plan, device: str) -> tuple[Row, ...]:
    rows = rows_of(plan, device)
    return without_peers(rows) if order.only_ours else rows


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


def _require_peers(rows: Sequence[Row]) -> None:
    if any(flow.needs_peers for row in rows for flow in row.flows) and not importlib.util.find_spec("gfpgan"):
        raise WrongUse(
            "gfpgan is not installed, against which is measured: pip install 'facewatch[reference]' "
            "(Python below 3.13), or measure facewatch alone with --only ours"
        )


@contextmanager
def _running(case: Case) -> Iterator[Child]:
    child = Child(case)
    try:
        yield child
    finally:
        child.close()


def _told(case: Case) -> dict[str, Any]:
    with _running(case) as child:
        sample: Sample = child.start()
        return sample.extra


def _models(rows: Sequence[Row], bare: Case, model_files: ModelFiles) -> tuple[dict[str, str], list[str]]:
    """Where each model's file is for this run, and which of them are random."""
    names = sorted({name for row in rows for flow in row.flows for name in flow.models})
    paths: dict[str, str] = {}
    written: list[str] = []
    for name in names:
        checkpoint = BY_NAME[name].checkpoint
        assert checkpoint is not None
        path = Path(bare.folder, WEIGHTS, checkpoint.file_name)
        paths[name] = str(path)
        if model_files.state(name) == "present":
            _link(model_files.find(name), path)
        else:
            written.append(name)
    if written:
        _told(
            Case(
                "machine.write_models",
                bare.folder,
                bare.device,
                tuned=False,
                models=paths,
                args={"write": written},
            )
        )
    return paths, written


def _link(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, path)


def _photos(
    plan: Plan, bare: Case, sources: Sequence[str], models: dict[str, str], *, trained: bool
) -> dict[str, Any]:
    """What facewatch.cli.bench.photos.prepare told."""
    args = {
        "sources": list(sources),
        "trained": trained and DETECTOR in models,
        "megapixels": plan.megapixels,
        "album": {"photos": plan.album_photos, "megapixels": plan.album_megapixels},
    }
    return _told(Case("photos.prepare", bare.folder, bare.device, tuned=False, models=models, args=args))


def _starter(bare: Case, models: dict[str, str], photos: dict[str, Any]) -> Callable[[Flow], Child]:
    given = {name: photos[name] for name in ("crop", "restored", "labels")}

    def start(flow: Flow) -> Child:
        args = {**given, **flow.args}
        if "first" in args:
            args["photos"] = photos["album"][: args.pop("first")]
        faces = photos["faces"]
        if "photo" in args:
            faces = {_key(photos, args["photo"]): faces[_key(photos, args["photo"])]}
            args["photo"] = photos["photos"][args["photo"]]
        tuned = flow.side != "reference"
        return Child(Case(flow.maker, bare.folder, bare.device, tuned, models, faces, args))

    return start


def _key(photos: dict[str, Any], name: str) -> str:
    height, width = photos["shapes"][name]
    return f"{height}x{width}"


def _free_bytes() -> float:
    return float(psutil.virtual_memory().available)
