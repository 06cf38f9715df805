"""`facewatch config ...` and `facewatch set`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import tomlkit
import typer
from rich.prompt import Prompt

from facewatch.cli.markup import say, say_path
from facewatch.cli.options import (
    ConfigOption,
    JsonOption,
    ModelOption,
    complete_key,
    complete_value,
    places,
    store,
)
from facewatch.cli.terminal import can_ask
from facewatch.errors import FacewatchError, WrongUse
from facewatch.models import catalogue
from facewatch.settings.installation import no_folder_error
from facewatch.settings.schema import Folder, full_key
from facewatch.settings.store import example
from facewatch.settings.weights import parse_weight
from facewatch.state.first_start import FIRST_MODEL
from facewatch.system.atomic import translate_write_errors, write_atomically
from facewatch.system.disk_space import format_size
from facewatch.system.graphics import torch_note
from facewatch.system.paths import Places
from facewatch.system.write_access import write_problem

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show, check and create the config file.",
)


@app.command()
def path(config: ConfigOption = None) -> None:
    """Print the path of the config file."""
    say_path(places(config).config)


@app.command()
def show(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Print all settings in effect, defaults included."""
    settings = store(places(config)).load()
    if as_json:
        print(json.dumps(settings.model_dump(mode="json"), indent=2))
    else:
        say(tomlkit.dumps(settings.model_dump(mode="json", exclude_none=True)).rstrip("\n"))


@app.command()
def check(config: ConfigOption = None) -> None:
    """Check the config file and its folders, as `facewatch run` does."""
    where = places(config)
    settings = store(where).load()
    if not settings.folders:
        raise no_folder_error(where)
    problems = [problem for folder in settings.folders for problem in _folder_problems(folder)]
    if problems:
        raise FacewatchError("\n".join(f"{where.config}: {problem}" for problem in problems))
    count = len(settings.folders)
    say(f"{where.config}: OK, {count} watched folder{'s' * (count > 1)}")


def _folder_problems(folder: Folder) -> Iterator[str]:
    """Yield what keeps a running facewatch from watching a folder, or from writing its copies."""
    if not os.path.isdir(folder.input):  # noqa: PTH112 - never raises
        yield f"the input {folder.input} is not a folder, or cannot be reached; make it, or name another"
    elif not os.access(folder.input, os.R_OK | os.X_OK):
        yield f"the input {folder.input} cannot be read; change its permissions"
    if problem := write_problem(folder.output):
        yield problem


@app.command()
def init(model: ModelOption = None, config: ConfigOption = None) -> None:
    """Write a config file with the usual folders, and create these.

    To a config file without folders they are added. In a terminal it asks for the model, unless --model
    names one.
    """
    where = places(config, new=True)
    if model is None and can_ask():
        model = ask_model()
    say(write_first_config(where, model))
    chosen = store(where).load().model
    if catalogue.BY_NAME.get(chosen) and catalogue.BY_NAME[chosen].checkpoint:
        say(f"`facewatch models pull {chosen}` shows its licence and downloads it; `facewatch run` starts")
    else:
        say(f"model {chosen}; `facewatch run` starts, `facewatch set model NAME` chooses another")
    if line := torch_note():
        say(f"note: {line}")


def ask_model() -> str:
    """Ask in the terminal which face model to use; return its name."""
    rows = [catalogue.BY_NAME[FIRST_MODEL]]
    rows += [row for row in catalogue.MODELS if row.kind == "face" and row.name != FIRST_MODEL]
    for number, row in enumerate(rows, 1):
        say(f"  {number} {row.name} ({_source(row)}): {row.about}")
    answers = [str(number) for number in range(1, len(rows) + 1)]
    return rows[int(Prompt.ask("Which model?", choices=answers, default="1")) - 1].name


def _source(row: catalogue.Model) -> str:
    """Return where a model's file comes from: "download 349 MB, non-commercial"."""
    if row.checkpoint is None:
        return "included"
    size = format_size(row.checkpoint.size_bytes) if row.checkpoint.size_bytes else ""
    way = "download" if row.checkpoint.url else "by browser"
    terms = ", non-commercial" if row.checkpoint.licence.non_commercial else ""
    return f"{way} {size}".rstrip() + terms


def write_first_config(where: Places, model: str | None = None) -> str:
    """Write a config file with the usual folders, or add them to one without; return what was done.

    model  None: what the file has, in a new one FIRST_MODEL, which restores at once

    Raises WrongUse if the file names folders already, BadSettings for an unknown model, and as a
    write does.
    """
    if model is not None:
        store(where).parse({"model": model}, "--model")
    home = where.pictures / "Facewatch"
    inbox, restored = home / "Inbox", home / "Restored"
    if not os.path.exists(where.config):  # noqa: PTH110 - never raises
        text, done = example(home, model or FIRST_MODEL), f"wrote {where.config}"
    elif not store(where).load().folders:
        text = _with_folder(where.config.read_text("utf-8"), inbox, restored)
        done = f"added the usual folder to {where.config}"
    else:
        raise WrongUse(f"{where.config} is there already; edit it, or use `facewatch set`")
    for folder in (inbox, restored):
        with translate_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    write_atomically(where.config, text.encode())
    if model is not None:
        store(where).update({"model": model})
    return f"{done}\ndrop photos into {inbox}; copies appear in {restored}"


def _with_folder(text: str, inbox: Path, restored: Path) -> str:
    """Return the text of a config without folders, comments kept, with one folder appended."""
    document = tomlkit.parse(text)
    document.pop("folders", None)  # an empty list
    entry = tomlkit.table()
    entry.update({"input": str(inbox), "output": str(restored)})
    folders = tomlkit.aot()
    folders.append(entry)
    return tomlkit.dumps(document).rstrip() + "\n\n" + tomlkit.dumps({"folders": folders})


def set_value(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="For example model, weight, upscale, output.quality.",
            autocompletion=complete_key,
        ),
    ],
    value: Annotated[
        str,
        typer.Argument(
            metavar="VALUE",
            help='The new value; "default" removes the key.',
            autocompletion=complete_value,
        ),
    ],
    config: ConfigOption = None,
) -> None:
    """Change one setting; a running facewatch follows."""
    settings_store = store(places(config))
    if key == "weight":
        key = f"weights.{settings_store.load().model}"
    wanted = None if value == "default" else _value_of(key, value)
    settings = settings_store.update({key: wanted})
    now: Any = settings.model_dump(mode="json")
    for part in full_key(key).split(".", 1):
        now = now.get(part, "default") if isinstance(now, dict) else now
    say(f"{full_key(key)} = {json.dumps(now)}")


def _value_of(key: str, text: str) -> Any:
    """Return the value of a setting; a weight may be a word too, and its number is written as typed."""
    weight = parse_weight(text) if key.startswith("weights.") else None
    return weight if text.strip().isalpha() and weight is not None else _toml_value(text)


def _toml_value(text: str) -> Any:
    """Return the value as TOML reads it; plain words are text."""
    try:
        return tomlkit.parse(f"value = {text}\n")["value"]  # as typed: 0.30 stays 0.30
    except tomlkit.exceptions.ParseError:
        return text
