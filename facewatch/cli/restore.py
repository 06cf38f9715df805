"""`facewatch restore`: photos now, without the daemon."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from facewatch.cli.download_ui import fetch_missing
from facewatch.cli.options import ConfigOption, JsonOption, model_files, places, store
from facewatch.engine.messages import RestoreResult
from facewatch.engine.process import EngineProcess, probe
from facewatch.errors import FacewatchError, OwnOutput, WrongUse
from facewatch.models.files import ModelFiles
from facewatch.restoration.codecs import formats
from facewatch.settings.schema import Settings
from facewatch.state.reports import answer_summary
from facewatch.system.atomic import sha256_of, unreadable_photo
from facewatch.system.paths import Places, expand_path
from facewatch.watcher import WatchedFolder, spelled_below
from facewatch.watcher.scan import walk
from facewatch.worker.output import discard_result, name_for, output_folder, publish_copy, take_result
from facewatch.worker.recipe import Recipe, resolve

OUTPUT = "Restored"
# Settings that are options here too: section, key, type, help.
CHOICES: tuple[tuple[str, str, type, str], ...] = (
    ("engine", "device", str, "auto, cuda, cuda:1, mps, xpu, cpu."),
    ("restoration", "upscale", int, "Enlarge 1 to 4 times."),
    ("restoration", "background", str, "none, realesrgan-x2, realesrgan-x4, realesr-general."),
    ("restoration", "face_upsample", bool, "Enlarge the faces with the background's network."),
    ("restoration", "only_center_face", bool, "Only the face nearest to the centre."),
    ("restoration", "aligned", bool, "Each photo is one upright face, cut out."),
    ("restoration", "max_faces", int, "Maximum number of faces; the largest are restored."),
    ("restoration", "min_face_px", float, "Minimum pixels between the eyes."),
    ("restoration", "max_face_px", int, "Leave sharp faces larger than this alone."),
    ("restoration", "detector", str, "auto, retinaface-resnet50, retinaface-mobilenet, yunet."),
    ("restoration", "detect_size", int, "Pixels of the long side that the detector sees."),
    ("restoration", "detect_threshold", float, "Minimum score of a detected face, 0-1."),
    ("restoration", "try_rotations", bool, "Find faces lying on their side too."),
    ("restoration", "mask", str, "soft or parse."),
    ("restoration", "color_fix", bool, "Keep the colours of the original face."),
    ("output", "format", str, "same, jpeg, png, webp, tiff, bmp, heic, avif."),
    ("output", "heic", str, "Format of copies of HEIC photos: heic or jpeg."),
    ("output", "quality", int, "1-100."),
    ("output", "suffix", str, "Suffix added to the file name."),
    ("output", "no_faces", str, "Photos without faces: copy or skip."),
    ("restoration", "compare", str, "none, side-by-side, slider-html."),
    ("restoration", "save_crops", bool, "Save each face as a file too."),
)


@dataclass(frozen=True)
class Source:
    """One photo, and where its copy goes."""

    path: Path
    root: Path  # sub-folders below it are mirrored
    output: Path


def _with_choices(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each row of CHOICES to a command that takes **choices: typer reads the signature."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "choices"]
    rows = [
        inspect.Parameter(
            key,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=None,
            annotation=Annotated[kind | None, typer.Option(help=text)],
        )
        for _, key, kind, text in CHOICES
    ]
    parameters = [*own, *rows]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


@_with_choices
def restore(  # noqa: PLR0917 - typer's options
    sources: Annotated[list[Path], typer.Argument(metavar="PHOTO|FOLDER...", help="Photos or folders.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for the copies.", show_default="Restored, beside each photo"
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="A name from `facewatch models`.")
    ] = None,
    weight: Annotated[
        float | None, typer.Option("--weight", "-w", help="0 = all restoration, 1 = closest to the original.")
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Include sub-folders.")] = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the model's licence without a question.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    **choices: Any,
) -> None:
    """Restore photos now; the originals are only read."""
    changes: dict[str, Any] = {} if model is None else {"model": model}
    for section, key, _, _ in CHOICES:
        if choices.get(key) is not None:
            changes.setdefault(section, {})[key] = choices[key]
    where = places(config)
    settings = _settings(where, changes, weight)
    photos = list(_photos(sources, output, recursive=recursive))
    if not photos:
        raise WrongUse("no photos found there; facewatch takes JPEG, PNG, WebP, TIFF, BMP, HEIC and AVIF")
    files = model_files(where, settings)
    recipe = resolve(settings.plan(None), settings.engine, probe)
    fetch_missing(files, recipe.models, accept_licence=accept_licence)
    results, about = _restore_all(photos, recipe, files, quiet=as_json)
    if as_json:
        print(json.dumps({**about, "photos": results}, indent=2))
    raise typer.Exit(1 if any(result["outcome"] == "failed" for result in results) else 0)


def _restore_all(
    photos: Sequence[Source], recipe: Recipe, files: ModelFiles, *, quiet: bool
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Restore photos one after the other; return what became of each, and what restored them."""
    engine = EngineProcess(recipe.setup(files), timeout_seconds=recipe.engine.timeout_seconds)
    key = recipe.key(files)
    console = Console(stderr=True, highlight=False)
    results = []
    try:
        with console.status(f"loading {recipe.plan.model}"):
            engine.start()
        with _progress(console) as progress:
            task = progress.add_task(f"{recipe.plan.model} on {engine.device}", total=len(photos))
            for number, photo in enumerate(photos):
                results.append(_restore_one(engine, recipe, key, photo, number))
                progress.advance(task)
                if not quiet:
                    progress.console.print(_line(results[-1]), soft_wrap=True)
    finally:
        engine.close()
    return results, {"device": engine.device, "model": recipe.plan.model, "detector": recipe.detector}


def _settings(where: Places, changes: Mapping[str, Any], weight: float | None) -> Settings:
    base = store(where).load()
    data = base.model_dump(exclude_unset=True)
    for key, value in changes.items():
        data[key] = {**data.get(key, {}), **value} if isinstance(value, Mapping) else value
    if weight is not None:
        data["weights"] = {**data.get("weights", {}), data.get("model", base.model): weight}
    return store(where).parse(data, "the options")


def _photos(sources: Sequence[Path], output: Path | None, *, recursive: bool) -> Iterator[Source]:
    for named in sources:
        path = expand_path(named)
        if os.path.isdir(path):  # noqa: PTH112 - never raises
            copies = expand_path(output) if output else path / OUTPUT
            watch = WatchedFolder(path, recursive=recursive, outputs=(copies, *spelled_below(path, [copies])))
            found: list[Path] = []
            unreadable = walk(watch, path, found.append).unreadable
            if unreadable:
                folder, reason = next(iter(unreadable.items()))
                raise WrongUse(f"{folder} cannot be read: {reason}")
            yield from (Source(photo, path, copies) for photo in sorted(found) if _holds_photo(photo))
        elif os.path.exists(path):  # noqa: PTH110 - never raises
            copies = expand_path(output) if output else path.parent / OUTPUT
            yield Source(path, path.parent, copies)
        else:
            raise WrongUse(f"{named} is not there or cannot be reached; name photos or folders of photos")


def _holds_photo(path: Path) -> bool:
    """Return False for a file whose name says nothing and whose content is no photo."""
    if formats.has_photo_suffix(path.name):
        return True
    try:
        with path.open("rb") as stream:
            return formats.is_photo_head(stream.read(formats.HEAD_BYTES))
    except OSError:
        return True  # its own result says why it cannot be read


def _restore_one(
    engine: EngineProcess, recipe: Recipe, key: str, source: Source, number: int
) -> dict[str, Any]:
    result: dict[str, Any] = {"source": str(source.path), "output": None, "outcome": "failed", "faces": []}
    try:
        folder = output_folder(source.path, source.root, source.output)
        if not engine.alive:
            engine.start()
        job = recipe.job(
            number, source.path, _digest(source.path), folder, key, refuse_own=True, settled=True
        )
        answer = engine.restore(job)
        result |= {
            "faces": answer.faces,
            "seconds": round(answer.seconds, 3),
            "summary": answer_summary(answer.faces, answer.lost, answer.left_alone),
            "lost": answer.lost,
        }
        output = _publish(answer, recipe, source, folder)
    except OwnOutput as error:
        return {**result, "outcome": "skipped", "summary": str(error)}
    except FacewatchError as error:
        return {**result, "error": type(error).__name__, "summary": str(error)}
    return {**result, "output": str(output) if output else None, "outcome": _outcome(answer)}


def _digest(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise unreadable_photo(error) from error


def _outcome(answer: RestoreResult) -> str:
    if any(face["fate"] == "restored" for face in answer.faces):
        return "restored"
    return "unchanged" if answer.temporary is None else "re-encoded"


def _publish(answer: RestoreResult, recipe: Recipe, source: Source, folder: Path) -> Path | None:
    output = recipe.plan.output
    if not answer.faces and output.no_faces == "skip":
        discard_result(answer)
        return None
    temporary, _, suffix = take_result(answer, source.path, folder)
    wanted = name_for(source.path, folder, output.suffix, suffix)
    try:
        return publish_copy(temporary, source.path, wanted, lambda _: None, answer.extras)
    except BaseException:
        temporary.unlink(missing_ok=True)
        discard_result(answer)
        raise


def _line(result: Mapping[str, Any]) -> str:
    colour = {"failed": "red", "skipped": "yellow"}.get(result["outcome"], "green")
    place = result["output"] or result["source"]
    return f"[{colour}]{result['outcome']}[/] {escape(place)}: {escape(result['summary'])}"


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
