"""`facewatch config ...` and `facewatch set`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import tomlkit
import typer

from facewatch.cli.options import ConfigOption, JsonOption, places, store
from facewatch.errors import WrongUse
from facewatch.settings.installation import no_folder_error
from facewatch.settings.schema import full_key
from facewatch.settings.store import example
from facewatch.system.atomic import translate_write_errors, write_atomically

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show, check and create the config file.")


@app.command()
def path(config: ConfigOption = None) -> None:
    """Print the path of the config file."""
    print(places(config).config)


@app.command()
def show(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Print all settings in effect, defaults included."""
    settings = store(places(config)).load()
    if as_json:
        print(settings.model_dump_json(indent=2))
    else:
        print(tomlkit.dumps(settings.model_dump(mode="json", exclude_none=True)), end="")


@app.command()
def check(config: ConfigOption = None) -> None:
    """Check the config file."""
    where = places(config)
    settings = store(where).load()
    if settings.folders:
        count = len(settings.folders)
        print(f"{where.config}: OK, {count} watched folder{'s' * (count > 1)}")
    elif os.path.exists(where.config):  # noqa: PTH110 - never raises
        print(f"{where.config}: OK\nbut {no_folder_error(where)}")
    else:
        print(
            f"{where.config} is not there: the defaults apply, and no folder is watched; "
            "`facewatch config init` writes one"
        )


@app.command()
def init(config: ConfigOption = None) -> None:
    """Write a config file with the usual folders, or add them to one without folders; create them."""
    where = places(config, new=True)
    home = where.pictures / "Facewatch"
    inbox, restored = home / "Inbox", home / "Restored"
    if not os.path.exists(where.config):  # noqa: PTH110 - never raises
        text, done = example(home), f"wrote {where.config}"
    elif not store(where).load().folders:
        text = _with_folder(where.config.read_text("utf-8"), inbox, restored)
        done = f"added the usual folder to {where.config}"
    else:
        raise WrongUse(f"{where.config} is there already; edit it, or use `facewatch set`")
    for folder in (inbox, restored):
        with translate_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    write_atomically(where.config, text.encode())
    print(f"{done}\ndrop photos into {inbox}; copies appear in {restored}")
    print("`facewatch models pull gfpgan-1.4` shows its licence and downloads it; `facewatch run` starts")


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
    key: Annotated[str, typer.Argument(help="For example model, weight, upscale, output.quality.")],
    value: Annotated[str, typer.Argument(help='The new value; "default" removes the key.')],
    config: ConfigOption = None,
) -> None:
    """Change one setting in the config file; a running daemon follows."""
    settings_store = store(places(config))
    if key == "weight":
        key = f"weights.{settings_store.load().model}"
    settings = settings_store.update({key: None if value == "default" else _toml_value(value)})
    now: Any = settings.model_dump(mode="json")
    for part in full_key(key).split(".", 1):
        now = now.get(part, "default") if isinstance(now, dict) else now
    print(f"{full_key(key)} = {json.dumps(now)}")


def _toml_value(text: str) -> Any:
    """Return the value as TOML reads it; plain words are text."""
    try:
        return tomlkit.parse(f"value = {text}").unwrap()["value"]
    except tomlkit.exceptions.ParseError:
        return text
