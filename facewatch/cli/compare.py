"""The work behind `facewatch compare`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from facewatch import __version__
from facewatch.cli.download_ui import fetch_missing
from facewatch.cli.options import model_files, readable_photo, store
from facewatch.engine.process import EngineProcess, probe
from facewatch.errors import BadPhoto, WrongUse
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode_plain
from facewatch.restoration.codecs.formats import BY_NAME, BY_SUFFIX
from facewatch.restoration.codecs.photo import Provenance
from facewatch.restoration.comparison import contact_sheet
from facewatch.restoration.resize import eight_bits
from facewatch.system.atomic import write_temporary
from facewatch.system.paths import Places, expand_path
from facewatch.system.publish import fit_name, publish
from facewatch.worker.recipe import Recipe, resolve

MARGIN = 0.5  # of the face's box, on each side
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Order:
    """What the command line asks for."""

    photo: Path
    models: tuple[str, ...]
    weights: tuple[float, ...]
    output: Path | None
    accept_licence: bool


def names(text: str) -> tuple[str, ...]:
    """The names in "a,b"."""
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise WrongUse("--models names no model; for example --models gfpgan-1.4,codeformer")
    return found


def numbers(text: str) -> tuple[float, ...]:
    """The weights in "0,0.5,1"."""
    try:
        found = tuple(float(number) for number in text.split(","))
    except ValueError as error:
        raise WrongUse(f"--weights {text}: write numbers with commas between, for example 0,0.5,1") from error
    return found


def compare(places: Places, order: Order) -> Path:
    """Make the sheet; where it is.

    Raises WrongUse, BadPhoto when the photo shows no face, and what restoration raises.
    """
    source = readable_photo(order.photo)
    format_name = _format_of(order.output)
    wanted = (
        expand_path(order.output)
        if order.output
        else source.with_name(fit_name(source.stem, " comparison.jpg"))
    )
    _ask_for_folder(wanted.parent)
    recipes = _recipes(places, order)
    limit = round(recipes[0][0].engine.max_megapixels * 1e6)
    try:
        photo = decode(source.read_bytes(), limit)
    except BadPhoto as error:
        raise BadPhoto(f"{order.photo}: {error}") from error
    with tempfile.TemporaryDirectory(prefix="facewatch-compare-") as folder:
        cells = list(_cells(places, recipes, source, eight_bits(photo.pixels), Path(folder)))
    sheet = contact_sheet(cells, columns=len(order.weights) + 1)
    made_by = Provenance(", ".join(order.models), 0, __version__)
    data = encode_plain(sheet, format_name, made_by, icc=photo.metadata.icc)
    temporary = write_temporary(wanted.parent, data)
    temporary.chmod(source.stat().st_mode & 0o666)  # who may see the photo may see the sheet
    return publish(temporary, wanted, lambda _: None)


def _format_of(output: Path | None) -> str:
    row = BY_SUFFIX.get(output.suffix.lower()) if output else BY_NAME["jpeg"]
    if row is None or row.name not in {"jpeg", "png"}:
        raise WrongUse(f"{output}: the sheet is a JPEG or a PNG; give it a name that ends in .jpg or .png")
    return row.name


def _ask_for_folder(folder: Path) -> None:
    """Raise WrongUse where a sheet could not be put, before all of it is computed."""
    if not os.path.isdir(folder):  # noqa: PTH112 - never raises
        raise WrongUse(
            f"{folder} is no folder, or cannot be reached; make it, or name another place with --output"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WrongUse(f"{folder} cannot be written to; name another place for the sheet with --output")


def _recipes(places: Places, order: Order) -> list[list[Recipe]]:
    """For each model, a recipe a weight; every file they need is here after this."""
    changing = store(places)
    base = changing.load().model_dump(exclude_unset=True)
    rows = []
    for model in order.models:
        row = []
        for weight in order.weights:
            changing.parse({**base, "model": model}, "--models")  # an unknown one is told once
            changes = {"model": model, "weights": {model: weight}, "output": {"format": "png"}}
            settings = changing.parse({**base, **changes}, "the options")
            row.append(resolve(settings.plan(None), settings.engine, probe))
        rows.append(row)
    files = model_files(places)
    fetch_missing(
        files, {name for row in rows for name in row[0].models}, accept_licence=order.accept_licence
    )
    return rows


def _cells(
    places: Places, rows: Sequence[Sequence[Recipe]], source: Path, before: Picture, folder: Path
) -> Iterator[tuple[str, Picture]]:
    console = Console(stderr=True)
    for row in rows:
        engine = EngineProcess(
            row[0].setup(model_files(places)), timeout_seconds=row[0].engine.timeout_seconds
        )
        try:
            with console.status(f"{row[0].plan.model}"):
                engine.start()
                for column, recipe in enumerate(row):
                    answer = engine.restore(recipe.job(0, source, None, folder, refuse_own=False))
                    box = _largest(answer.faces)
                    if column == 0:
                        yield "original", _region(before, box, 1)
                    after = before if answer.temporary is None else _picture(Path(answer.temporary))
                    label = f"{recipe.plan.model}  {recipe.plan.weight:g}"
                    yield label, _region(after, box, after.shape[0] // before.shape[0])
        finally:
            engine.close()


def _picture(copy: Path) -> Picture:
    return eight_bits(decode(copy.read_bytes(), 1 << 40).pixels)


def _largest(faces: Sequence[dict[str, Any]]) -> tuple[float, float, float, float]:
    boxes = [face["box"] for face in faces]
    if not boxes:
        raise BadPhoto("no face was found in the photo: there is nothing to compare")
    x0, y0, x1, y1 = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    return x0, y0, x1, y1


def _region(picture: Picture, box: tuple[float, float, float, float], scale: int) -> Picture:
    """What lies around a face; `box` in pixels of the photo, which `picture` shows `scale` times as large."""
    x0, y0, x1, y1 = (side * scale for side in box)
    right, down = (x1 - x0) * MARGIN, (y1 - y0) * MARGIN
    top, left = max(0, round(y0 - down)), max(0, round(x0 - right))
    return picture[top : round(y1 + down), left : round(x1 + right)]
