"""`facewatch models ...`: list, download, check and remove models."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewatch.cli.markup import say, say_path
from facewatch.cli.options import JsonOption, complete_any_model, places
from facewatch.errors import BadCheckpoint, BadLedger, FacewatchError, WrongUse
from facewatch.system.paths import expand_path

if TYPE_CHECKING:
    from facewatch.models.catalogue import Model
    from facewatch.models.files import Check, ModelFiles

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="List, download, check and remove models."
)

MEASURED_PHOTOS = 500  # the last ones, from which the seconds a face are taken
Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME", help="Models, by their names in the list.", autocompletion=complete_any_model
    ),
]
OptionalNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Models; all if none.", autocompletion=complete_any_model),
]
AllOption = Annotated[bool, typer.Option("--all", help="Every model of the catalogue.")]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="Accept a file whose digest is not the published one.")
]
LinkOption = Annotated[bool, typer.Option("--link", help="Use the file in its place, without a copy.")]


def open_model_files(context: typer.Context) -> ModelFiles:
    """Return the model files of the settings, or those that the app's caller passed."""
    from facewatch.cli.options import model_files
    from facewatch.models.files import ModelFiles

    given = context.find_object(ModelFiles)
    return given if given is not None else model_files()


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List, download, check and remove models."""
    if context.invoked_subcommand is None:
        list_models(context)


@app.command("list")
def list_models(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show every model: purpose, size, licence, state and path."""
    from facewatch.cli.model_table import facts, print_table

    files = open_model_files(context)
    seconds = _seconds_here()
    rows = [facts(files, row, seconds) for row in files.rows()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        print_table(rows)
        say(f"\nthe models folder is {files.folder}")


def _seconds_here() -> dict[str, float]:
    """Return each model's seconds a face on this machine, as its last photos have taken."""
    from facewatch.state.ledger import LedgerView
    from facewatch.state.reports import seconds_per_face

    try:
        finished = LedgerView(places().ledger).recent(MEASURED_PHOTOS)
    except BadLedger as error:  # the models are listed all the same
        say(f"the seconds a face are not shown: {error}", stream=sys.stderr)
        return {}
    return seconds_per_face(job.report for job in finished)


@app.command()
def pull(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="Models to download, or else --all.", autocompletion=complete_any_model
        ),
    ] = None,
    everything: AllOption = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept each model's licence without a question.")
    ] = False,
) -> None:
    """Download models; a download that broke off is continued."""
    if bool(names) == everything:
        raise WrongUse("name the models to download, or use --all; `facewatch models` lists them")
    files = open_model_files(context)
    rows = list(files.rows()) if everything else [files.row(name) for name in names or []]
    for row in rows:
        if names and not row.checkpoint:
            say(f"{row.name} is part of facewatch: there is nothing to download", stream=sys.stderr)
    rows += [files.row(row.second_file) for row in rows if row.second_file]
    wanted = dict.fromkeys(row.name for row in rows if row.checkpoint and (names or row.checkpoint.url))
    _exit_if([name for name in wanted if not _pull_one(files, name, accept_licence=accept_licence)])


@app.command()
def verify(context: typer.Context, names: OptionalNames = None) -> None:
    """Read all files again and check them.

    Downloaded ones are compared with their published digests; those that are part of facewatch are loaded.
    """
    files = open_model_files(context)
    present = [row.name for row in files.rows() if files.state(row.name) != "missing"]
    failed = []
    for name in names or present:
        check = files.verify(name)
        problem = _content_problem(check, files.row(name))
        say(f"{name}: {problem or _describe_check(check)}")
        if problem or check.state not in ("present", "builtin"):
            failed.append(name)
    if not names and all(files.state(name) == "builtin" for name in present):
        say(f"there is no model file in {files.folder}")
    _exit_if(failed)


@app.command()
def remove(context: typer.Context, names: Names) -> None:
    """Delete model files and their records; a linked file stays."""
    files = open_model_files(context)
    _exit_if([name for name in names if not _remove_one(files, name)])


@app.command()
def add(  # noqa: PLR0917 - typer's options
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="The model's name; for a file of your own, one of your choice."),
    ] = "",
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Its file (.pth, .safetensors, .onnx).")
    ] = None,
    trust: TrustOption = False,
    link: LinkOption = False,
    find: Annotated[
        bool,
        typer.Option("--find", help="Link the models that stable-diffusion-webui, ComfyUI and others have."),
    ] = False,
) -> None:
    """Add a model's file, checked and copied whole or not at all."""
    files = open_model_files(context)
    if find:
        if name:
            raise WrongUse("--find looks for every model: leave out the name and the file")
        _link_found(files)
        return
    if not name:
        raise WrongUse("name the model and its file: `facewatch models add NAME FILE`")
    if file is None:
        file = Path(name)
        name = _name_for(files, file)
    if not os.path.isfile(expand_path(file)):  # noqa: PTH113 - never raises
        raise WrongUse(f"there is no file {file} that can be reached")
    path = (files.link if link else files.add)(name, file, trust=trust)
    say(f"{name}: {path}{_licence_note(files, name)}")


@app.command()
def path(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="A model.")] = ""
) -> None:
    """Print the models folder, or the path of one model's file."""
    files = open_model_files(context)
    say_path(files.find(name) if name else files.folder)


@app.command()
def accept(context: typer.Context, names: Names) -> None:
    """Accept the licence of a model, so that it can be downloaded."""
    files = open_model_files(context)
    for name in names:
        licence = files.licence_question(name)
        files.accept(name)
        say(f"{name}: {licence.name} is accepted" if licence else f"{name}: there is nothing to accept")


def _pull_one(files: ModelFiles, name: str, *, accept_licence: bool) -> bool:
    from rich.console import Console

    from facewatch.cli.download_ui import ask_licence, fetch

    console = Console(stderr=True, highlight=False)
    try:
        if files.state(name) == "present":
            say(f"{name}: {files.find(name)} is already downloaded", stream=sys.stderr)
            return True
        ask_licence(console, files, name, accept=accept_licence)
        fetch(console, files, name)
    except WrongUse:
        raise
    except FacewatchError as error:
        say(error, stream=sys.stderr)
        return False
    return True


def _describe_check(check: Check) -> str:
    if check.state == "builtin":
        return "OK, part of facewatch"
    if check.state == "missing":
        return f"missing ({check.path})"
    if check.state == "present":
        return f"OK, sha256 {check.sha256}, {check.path}"
    expected = check.published or (check.trusted.sha256 if check.trusted else None)
    return (
        f"corrupt, sha256 {check.sha256}, expected {expected}, {check.path}; "
        f"`facewatch models pull {check.name}` downloads it again"
    )


def _content_problem(check: Check, row: Model) -> str:
    """Return why a file without a published digest is no model; empty if it is one."""
    if check.state == "builtin":
        return _packaged_problem(check.name)
    if check.state != "present" or check.path is None or check.sha256 == check.published:
        return ""
    from facewatch.restoration.build import check_model_file, check_second_file

    try:
        if row.kind == "part":
            check_second_file(check.path, row.network)
        else:
            check_model_file(check.path)
    except BadCheckpoint as error:
        return f"not a model, {check.path}: {error}"
    except OSError as error:
        return f"cannot be read, {check.path}: {error.strerror}"
    return ""


def _packaged_problem(name: str) -> str:
    from facewatch.restoration.build import check_packaged

    try:
        check_packaged(name)
    except FacewatchError as error:
        return str(error)
    return ""


def _remove_one(files: ModelFiles, name: str) -> bool:
    try:
        files.remove(name)
    except WrongUse:
        raise
    except FacewatchError as error:
        say(f"{name}: {error}", stream=sys.stderr)
        return False
    say(f"{name}: removed")
    return True


def _name_for(files: ModelFiles, file: Path) -> str:
    for row in files.rows():
        if row.checkpoint and row.checkpoint.file_name == file.name:
            return row.name
    return file.stem


def _link_found(files: ModelFiles) -> None:
    from facewatch.models.imports import find_published, usual_places

    missing = [row for row in files.rows() if files.state(row.name) == "missing"]
    found = find_published(missing, usual_places(Path.home()))
    for name, path in found.items():
        files.link(name, path)
        say(f"{name}: {path}{_licence_note(files, name)}")
    if not found:
        say("other tools have none of the missing models in their usual places")


def _licence_note(files: ModelFiles, name: str) -> str:
    licence = files.licence_question(name)
    return f"\n  its licence is {licence.name}: {licence.sentence} {licence.terms_url}" if licence else ""


def _exit_if(failed: list[str]) -> None:
    if failed:
        raise typer.Exit(1)
