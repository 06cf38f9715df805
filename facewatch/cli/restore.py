"""The work behind `facewatch restore`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from facewatch.cli.download_ui import fetch_missing
from facewatch.cli.options import model_files, store
from facewatch.engine.messages import RestoreResult
from facewatch.engine.process import EngineProcess, probe
from facewatch.errors import FacewatchError, OwnOutput, WrongUse
from facewatch.settings.schema import Settings
from facewatch.state.reports import faces_summary
from facewatch.system.atomic import sha256_of, unreadable_photo
from facewatch.system.paths import Places, expand_path
from facewatch.watcher import WatchedFolder, spelled_below
from facewatch.watcher.scan import walk
from facewatch.worker.output import discard_result, name_for, output_folder, publish_copy, take_result
from facewatch.worker.recipe import Recipe, resolve

OUTPUT = "Restored"


@dataclass(frozen=True)
class Order:
    """What the command line asks for."""

    sources: list[Path]
    output: Path | None
    recursive: bool
    weight: float | None
    accept_licence: bool


@dataclass(frozen=True)
class Source:
    """One photo, and where its copy goes."""

    path: Path
    root: Path  # sub-folders below it are mirrored
    output: Path


def restore(places: Places, order: Order, changes: Mapping[str, Any], *, as_json: bool) -> int:
    """Restore photos one after the other; the exit code: 0 all done, 1 some failed.

    Raises WrongUse, or what keeps the engine from starting.
    """
    settings = _settings(places, changes, order.weight)
    sources = list(_photos(order))
    if not sources:
        raise WrongUse("no photos found there; facewatch takes JPEG, PNG, WebP, TIFF, BMP, HEIC and AVIF")
    files = model_files(places, settings)
    recipe = resolve(settings.plan(None), settings.engine, probe)
    fetch_missing(files, recipe.models, accept_licence=order.accept_licence)
    engine = EngineProcess(recipe.setup(files), timeout_seconds=settings.engine.timeout_seconds)
    key = recipe.key(files)
    console = Console(stderr=True, highlight=False)
    results = []
    try:
        with console.status(f"loading {recipe.plan.model}"):
            engine.start()
        with _progress(console) as progress:
            task = progress.add_task(f"{recipe.plan.model} on {engine.device}", total=len(sources))
            for number, source in enumerate(sources):
                results.append(_one(engine, recipe, key, source, number))
                progress.advance(task)
                if not as_json:
                    progress.console.print(_line(results[-1]), soft_wrap=True)
    finally:
        engine.close()
    if as_json:
        about = {"device": engine.device, "model": recipe.plan.model, "detector": recipe.detector}
        print(json.dumps({**about, "photos": results}, indent=2))
    return 1 if any(result["outcome"] == "failed" for result in results) else 0


def _settings(places: Places, changes: Mapping[str, Any], weight: float | None) -> Settings:
    base = store(places).load()
    data = base.model_dump(exclude_unset=True)
    for key, value in changes.items():
        data[key] = {**data.get(key, {}), **value} if isinstance(value, Mapping) else value
    if weight is not None:
        data["weights"] = {**data.get("weights", {}), data.get("model", base.model): weight}
    return store(places).parse(data, "the options")


def _photos(order: Order) -> Iterator[Source]:
    for source in order.sources:
        path = expand_path(source)
        if os.path.isdir(path):  # noqa: PTH112 - never raises
            output = expand_path(order.output) if order.output else path / OUTPUT
            watch = WatchedFolder(
                path, recursive=order.recursive, outputs=(output, *spelled_below(path, [output]))
            )
            found: list[Path] = []
            unreadable = walk(watch, path, found.append).unreadable
            if unreadable:
                folder, reason = next(iter(unreadable.items()))
                raise WrongUse(f"{folder} cannot be read: {reason}")
            yield from (Source(photo, path, output) for photo in sorted(found))
        elif os.path.exists(path):  # noqa: PTH110 - never raises
            output = expand_path(order.output) if order.output else path.parent / OUTPUT
            yield Source(path, path.parent, output)
        else:
            raise WrongUse(f"{source} is not there or cannot be reached; name photos or folders of photos")


def _one(engine: EngineProcess, recipe: Recipe, key: str, source: Source, number: int) -> dict[str, Any]:
    result: dict[str, Any] = {"source": str(source.path), "output": None, "outcome": "failed", "faces": []}
    try:
        folder = output_folder(source.path, source.root, source.output)
        if not engine.alive:
            engine.start()
        order = (number, source.path, _content(source.path), folder, key)
        answer = engine.restore(recipe.job(*order, refuse_own=True))
        result |= {
            "faces": answer.faces,
            "seconds": round(answer.seconds, 3),
            "summary": faces_summary(answer.faces),
        }
        output = _deliver(answer, recipe, source, folder)
    except OwnOutput as error:
        return {**result, "outcome": "skipped", "summary": str(error)}
    except FacewatchError as error:
        return {**result, "error": type(error).__name__, "summary": str(error)}
    return {**result, "output": str(output) if output else None, "outcome": _outcome(answer)}


def _content(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise unreadable_photo(error) from error


def _outcome(answer: RestoreResult) -> str:
    if any(face["fate"] == "restored" for face in answer.faces):
        return "restored"
    return "unchanged" if answer.temporary is None else "written anew"


def _deliver(answer: RestoreResult, recipe: Recipe, source: Source, folder: Path) -> Path | None:
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
