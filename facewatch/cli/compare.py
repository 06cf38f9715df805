"""`facewatch compare`: a sheet of one photo with several models and weights."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console

from facewatch import __version__
from facewatch.cli.download_ui import fetch_missing
from facewatch.cli.options import ConfigOption, model_files, places, readable_photo, store
from facewatch.engine.memory import usable_bytes
from facewatch.engine.process import EngineProcess, probe
from facewatch.engine.source import read_source
from facewatch.errors import BadPhoto, WrongUse
from facewatch.restoration.codecs.decoder import decode
from facewatch.restoration.codecs.encoder import encode_plain
from facewatch.restoration.codecs.formats import BY_NAME, BY_SUFFIX
from facewatch.restoration.codecs.photo import Provenance
from facewatch.restoration.codecs.size_limit import SizeLimit
from facewatch.restoration.comparison import contact_sheet
from facewatch.restoration.identity.words import describe_identity
from facewatch.restoration.resize import eight_bits, fit
from facewatch.restoration.types import Identity
from facewatch.settings import weights as weight_words
from facewatch.state.outcomes import final_reason
from facewatch.system.atomic import write_temporary
from facewatch.system.paths import Places, expand_path
from facewatch.system.publish import fit_name, publish
from facewatch.system.text import printable
from facewatch.worker.recipe import Recipe, resolve

MARGIN = 0.5  # of the face's box, on each side
Picture = npt.NDArray[np.uint8]


def compare(  # noqa: PLR0917 - typer's options
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.")],
    models: Annotated[
        str, typer.Option("--models", "-m", metavar="NAMES", help="Names, separated by commas.")
    ] = "gfpgan-1.4,codeformer",
    weights: Annotated[
        str,
        typer.Option(
            "--weights", "-w", metavar="WEIGHTS", help=f"Separated by commas; each {weight_words.HELP}"
        ),
    ] = "0,0.5,1",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File for the sheet.", show_default="PHOTO comparison.jpg"
        ),
    ] = None,
    face: Annotated[
        int, typer.Option("--face", min=1, metavar="NUMBER", help="Which face; 1 is the largest.")
    ] = 1,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the models' licences without a question.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Compare models and weights on one face, side by side."""
    where = places(config)
    names, numbers = _names(models), _numbers(weights)
    source = readable_photo(photo)
    format_name = _format_of(output)
    sheet_path = expand_path(output) if output else source.with_name(fit_name(source.stem, " comparison.jpg"))
    _require_writable(sheet_path.parent)
    rows = _recipes(where, names, numbers, accept_licence=accept_licence)
    most = rows[0][0].engine.max_megapixels
    limit = SizeLimit(memory_bytes=usable_bytes()) if most == "auto" else SizeLimit(round(most * 1e6))
    try:
        original = decode(read_source(source, limit), limit, settled=True)
    except BadPhoto as error:
        raise BadPhoto(f"{photo}: {final_reason(str(error))}") from error
    with tempfile.TemporaryDirectory(prefix="facewatch-compare-") as folder:
        cells = list(_cells(where, rows, source, eight_bits(original.pixels), Path(folder), number=face))
    sheet = contact_sheet(cells, columns=len(numbers) + 1)
    data = encode_plain(
        sheet, format_name, Provenance(", ".join(names), 0, __version__), icc=original.metadata.icc
    )
    mode = source.stat().st_mode & 0o666  # who may see the photo may see the sheet
    temporary = write_temporary(sheet_path.parent, data, mode)
    sheet_file = publish(temporary, sheet_path, lambda _: None, sha256=hashlib.sha256(data).hexdigest())
    print(printable(sheet_file))


def _names(text: str) -> tuple[str, ...]:
    """Return the names in "a,b"."""
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise WrongUse("--models names no model; for example --models gfpgan-1.4,codeformer")
    return found


def _numbers(text: str) -> tuple[float, ...]:
    """Return the weights in "0,0.5,1"."""
    try:
        return tuple(weight_words.parse_weight(number) for number in text.split(","))
    except WrongUse as error:
        raise WrongUse(
            f"--weights {text}: write them separated by commas, for example 0,0.5,1; {error}"
        ) from error


def _format_of(output: Path | None) -> str:
    row = BY_SUFFIX.get(output.suffix.lower()) if output else BY_NAME["jpeg"]
    if row is None or row.name not in {"jpeg", "png"}:
        raise WrongUse(f"{output}: the sheet is a JPEG or a PNG; give it a name that ends in .jpg or .png")
    return row.name


def _require_writable(folder: Path) -> None:
    """Raise WrongUse before anything is computed if the folder cannot take the sheet."""
    if not os.path.isdir(folder):  # noqa: PTH112 - never raises
        raise WrongUse(
            f"{folder} is not a folder, or cannot be reached; make it, or name another place with --output"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WrongUse(f"{folder} cannot be written to; name another place for the sheet with --output")


def _recipes(
    where: Places, models: Sequence[str], weights: Sequence[float], *, accept_licence: bool
) -> list[list[Recipe]]:
    """Return a row of recipes for each model, one for each weight, and download the models."""
    settings_store = store(where)
    loaded = settings_store.load()
    base = loaded.model_dump(exclude_unset=True)
    marking = {} if loaded.restoration.identity == "off" else {"identity": "warn"}
    rows = []
    for model in models:
        settings_store.parse({**base, "model": model}, "--models")  # names an unknown model once
        row = []
        for weight in weights:
            # Each model as it is: a stranger is marked, not replaced.
            restoration = {**base.get("restoration", {}), **marking}
            changes = {
                "model": model,
                "weights": {model: weight},
                "output": {"format": "png"},
                "restoration": restoration,
            }
            settings = settings_store.parse({**base, **changes}, "the options")
            row.append(resolve(settings.plan(None), settings.engine, probe))
        rows.append(row)
    needed = {name for row in rows for name in row[0].models}
    checks = rows[0][0].optional_models
    fetch_missing(model_files(where), needed, checks, accept_licence=accept_licence)
    return rows


def _cells(
    where: Places,
    rows: Sequence[Sequence[Recipe]],
    source: Path,
    before: Picture,
    folder: Path,
    *,
    number: int,
) -> Iterator[tuple[str, Picture]]:
    console = Console(stderr=True)
    for row in rows:
        engine = EngineProcess(
            row[0].setup(model_files(where)), timeout_seconds=row[0].engine.timeout_seconds
        )
        try:
            with console.status(f"{row[0].plan.model}"):
                engine.start()
                for column, recipe in enumerate(row):
                    answer = engine.restore(
                        recipe.job(0, source, None, folder, refuse_own=False, settled=True)
                    )
                    chosen = _face(answer.faces, number)
                    box = chosen["box"]
                    after = before if answer.temporary is None else _read(Path(answer.temporary))
                    if column == 0:  # as large as the others, so that the columns show the same
                        cut = _region(after, box, after.shape[0] // before.shape[0])
                        yield "original", fit(_region(before, box, 1), (cut.shape[1], cut.shape[0]))
                    label = f"{recipe.plan.model}, weight {recipe.plan.weight:g}"
                    yield (
                        label + identity_words(chosen),
                        _region(after, box, after.shape[0] // before.shape[0]),
                    )
        finally:
            engine.close()


def _read(copy: Path) -> Picture:
    return eight_bits(decode(copy.read_bytes(), 1 << 40).pixels)


def _face(faces: Sequence[dict[str, Any]], number: int) -> dict[str, Any]:
    """Return the report of a face; number 1 is the largest."""
    if not faces:
        raise BadPhoto("no face was found in the photo: there is nothing to compare")
    if number > len(faces):
        raise WrongUse(f"--face {number}: {len(faces)} faces were found in the photo; 1 is the largest")
    return sorted(faces, key=lambda face: _area(face["box"]), reverse=True)[number - 1]


def _area(box: Sequence[float]) -> float:
    x0, y0, x1, y1 = box
    return (x1 - x0) * (y1 - y0)


def identity_words(face: Mapping[str, Any]) -> str:
    """Return what a label says about a face's identity: ", similarity 0.71"; empty if it was not compared.

    face  the fields of restoration.types.FaceReport
    """
    identity = face.get("identity")
    if not identity:
        return ""
    words = describe_identity(Identity(identity["similarity"], identity["verdict"]))
    return f": {words}" if identity["verdict"] == "other" else f", {words}"


def _region(picture: Picture, box: Sequence[float], scale: int) -> Picture:
    """Cut out a face and its surroundings.

    box    in pixels of the photo, which `picture` shows `scale` times as large
    """
    x0, y0, x1, y1 = (side * scale for side in box)
    right, down = (x1 - x0) * MARGIN, (y1 - y0) * MARGIN
    top, left = max(0, round(y0 - down)), max(0, round(x0 - right))
    return picture[top : round(y1 + down), left : round(x1 + right)]
