"""`facewatch restore`: photos now, without the daemon."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from facewatch.cli.desktop_note import shown_on_desktop
from facewatch.cli.download_ui import fetch_missing
from facewatch.cli.identity import unchecked_note
from facewatch.cli.markup import escape, escape_path
from facewatch.cli.options import (
    ConfigOption,
    JsonOption,
    ModelOption,
    WeightOption,
    model_files,
    places,
    store,
)
from facewatch.cli.restore_options import CHOICES, with_choices
from facewatch.cli.sources import Source, photos_of
from facewatch.engine.messages import RestoreResult
from facewatch.engine.process import EngineProcess, probe
from facewatch.engine.source import hash_source
from facewatch.errors import FacewatchError, OwnOutput, WrongUse
from facewatch.models.files import ModelFiles
from facewatch.settings.schema import Settings
from facewatch.state.outcomes import (
    UNSUCCESSFUL,
    final_reason,
    format_outcomes,
    outcome_of_faces,
    outcome_of_failure,
)
from facewatch.state.reports import answer_summary, with_losses
from facewatch.state.status import passed_over_text
from facewatch.system.paths import Places
from facewatch.worker.output import discard_result, name_for, output_folder, publish_copy, take_result
from facewatch.worker.recipe import Recipe, resolve

COLOURS = {"failed": "red", "not supported": "red", "skipped": "yellow", "unchanged": "yellow"}


@with_choices
def restore(  # noqa: PLR0917 - typer's options
    sources: Annotated[list[Path], typer.Argument(metavar="PHOTO", help="Photos, or folders of photos.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for the copies.",
            show_default="Restored, beside each photo",
        ),
    ] = None,
    model: ModelOption = None,
    weight: WeightOption = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Include sub-folders.")] = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the model's licence without a question.")
    ] = False,
    notify: Annotated[
        bool, typer.Option("--notify", help="Say on the desktop how it went; the file manager's entries do.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    with_copies: Annotated[
        bool | None,
        typer.Option(
            "--keep-without-faces/--skip-without-faces", help="Copy photos without faces, or leave them out."
        ),
    ] = None,
    **choices: Any,
) -> None:
    """Restore photos now; the originals are only read."""
    with shown_on_desktop(wanted=notify) as show:
        results, about, notes = _restore(
            sources, output, _changes(model, with_copies, choices), weight,
            recursive=recursive, accept_licence=accept_licence, quiet=as_json, config=config,
        )  # fmt: skip
        show(results, _totals(results))
    if as_json:
        print(json.dumps({**about, "notes": notes, "photos": results}, indent=2))
    raise typer.Exit(1 if any(result["outcome"] in UNSUCCESSFUL for result in results) else 0)


def _changes(model: str | None, with_copies: bool | None, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the options change, by section."""
    changes: dict[str, Any] = {} if model is None else {"model": model}
    for section, key, _, _ in CHOICES:
        if choices.get(key) is not None:
            changes.setdefault(section, {})[key] = choices[key]
    if with_copies is not None:
        changes.setdefault("output", {})["no_faces"] = "copy" if with_copies else "skip"
    return changes


def _restore(
    sources: Sequence[Path],
    output: Path | None,
    changes: Mapping[str, Any],
    weight: float | None,
    *,
    recursive: bool,
    accept_licence: bool,
    quiet: bool,
    config: Path | None,
) -> tuple[list[dict[str, Any]], dict[str, str], list[str]]:
    """Return what became of each photo, what restored them, and notes: what is not checked, or not taken."""
    where = places(config)
    settings = settings_with(where, changes, weight)
    others: Counter[str] = Counter()
    photos = list(photos_of(sources, output, recursive=recursive, passed_over=others))
    if not photos:
        raise WrongUse("no photos found there; facewatch takes JPEG, PNG, WebP, TIFF, BMP, HEIC and AVIF")
    files = model_files(where, settings)
    recipe = resolve(settings.plan(None), settings.engine, probe)
    fetch_missing(files, recipe.models, recipe.optional_models, accept_licence=accept_licence)
    notes = [note for note in (unchecked_note(files, settings), passed_over_text(others)) if note]
    for note in () if quiet else notes:
        Console(stderr=True, highlight=False).print(escape(note), soft_wrap=True)
    results, about = _restore_all(photos, recipe, files, quiet=quiet)
    return results, about, notes


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
        if not quiet and len(results) > 1:
            console.print(_totals(results))
    finally:
        engine.close()
    return results, {"device": engine.device, "model": recipe.plan.model, "detector": recipe.detector}


def settings_with(where: Places, changes: Mapping[str, Any], weight: float | None) -> Settings:
    base = store(where).load()
    data = base.model_dump(exclude_unset=True)
    for key, value in changes.items():
        data[key] = {**data.get(key, {}), **value} if isinstance(value, Mapping) else value
    if weight is not None:
        data["weights"] = {**data.get("weights", {}), data.get("model", base.model): weight}
    return store(where).parse(data, "the options")


def _restore_one(
    engine: EngineProcess, recipe: Recipe, key: str, source: Source, number: int
) -> dict[str, Any]:
    result: dict[str, Any] = {"source": str(source.path), "output": None, "outcome": "failed", "faces": []}
    try:
        folder = output_folder(source.path, source.root, source.output)
        if not engine.alive:
            engine.start()
        digest = hash_source(source.path, recipe.size_limit)
        about = (number, source.path, digest, folder, key)
        job = recipe.job(*about, refuse_own=True, settled=True, output=source.output)
        answer = engine.restore(job)
        result |= {
            "faces": answer.faces,
            "seconds": round(answer.seconds, 3),
            "summary": answer_summary(answer.faces, answer.lost, answer.left_alone, recipe.plan.weight),
            "lost": answer.lost,
        }
        output, lost = _publish(answer, recipe, source, folder)
        result = with_losses(result, lost)
    except OwnOutput as error:
        return {**result, "outcome": "skipped", "summary": str(error)}
    except FacewatchError as error:
        name, reason = type(error).__name__, final_reason(str(error))
        return {**result, "error": name, "summary": reason, "outcome": outcome_of_failure(name, reason)}
    return {
        **result,
        "output": str(output) if output else None,
        "outcome": "not supported" if answer.left_alone else outcome_of_faces(answer.faces),
    }


def _publish(
    answer: RestoreResult, recipe: Recipe, source: Source, folder: Path
) -> tuple[Path | None, list[str]]:
    """Return the copy's path, None if there is none, and in words the sidecars that could not be copied."""
    lost: list[str] = []
    output = recipe.plan.output
    if not answer.faces and output.no_faces == "skip":
        discard_result(answer)
        return None, lost
    copy = take_result(answer, source.path, folder, source.output)
    wanted = name_for(source.path, folder, output.suffix, copy.suffix)
    try:
        final = publish_copy(
            copy, source.path, wanted, lambda _: None, answer.extras, output=source.output, lost=lost
        )
    except BaseException:
        copy.temporary.unlink(missing_ok=True)
        discard_result(answer)
        raise
    return final, lost


def _line(result: Mapping[str, Any]) -> str:
    colour = COLOURS.get(result["outcome"], "green")
    place = result["output"] or result["source"]
    return f"[{colour}]{result['outcome']}[/] {escape_path(place)}: {escape(result['summary'])}"


def _totals(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the counts in one line: "3 restored, 1 unchanged, 1 skipped"."""
    counts = Counter(result["outcome"] for result in results)
    skipped = [f"{counts['skipped']} skipped"] if counts["skipped"] else []
    return ", ".join([*filter(None, [format_outcomes(counts)]), *skipped])


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
