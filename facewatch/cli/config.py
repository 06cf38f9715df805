"""`facewatch config ...` and `facewatch set`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from facewatch.cli.options import ConfigOption, JsonOption, places, store

app = typer.Typer(
    no_args_is_help=True, help="Where the settings are, what they are, and whether they are right."
)


@app.command()
def path(config: ConfigOption = None) -> None:
    """Print the config file's path."""
    print(places(config).config)


@app.command()
def show(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Print every setting as it holds now, defaults and all."""
    import tomlkit

    settings = store(places(config)).load()
    if as_json:
        print(settings.model_dump_json(indent=2))
    else:
        print(tomlkit.dumps(settings.model_dump(mode="json", exclude_none=True)), end="")


@app.command()
def check(config: ConfigOption = None) -> None:
    """Say whether the config file is right."""
    from facewatch.settings.installation import no_folder_error

    where = places(config)
    settings = store(where).load()
    if settings.folders:
        print(f"{where.config}: right; {len(settings.folders)} watched folder(s)")
    elif os.path.exists(where.config):  # noqa: PTH110 - never raises
        print(f"{where.config}: right\nbut {no_folder_error(where)}")
    else:
        print(
            f"{where.config} is not there: the defaults hold, and no folder is watched; "
            "`facewatch config init` writes one"
        )


@app.command()
def init(config: ConfigOption = None) -> None:
    """Write a config file with the usual inbox, or add that to one that names no folder; make its folders."""
    from facewatch.errors import WrongUse
    from facewatch.settings.store import example
    from facewatch.system.atomic import translate_write_errors, write_atomically

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
    print("`facewatch models pull gfpgan-1.4` shows its licence and fetches it; `facewatch run` starts")


def _with_folder(text: str, inbox: Path, restored: Path) -> str:
    """The text of a config that names no folder, its comments kept, with one at its end."""
    import tomlkit

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
    changing = store(places(config))
    if key == "weight":
        key = f"weights.{changing.load().model}"
    settings = changing.update({key: None if value == "default" else _typed(value)})
    now: Any = settings.model_dump(mode="json")
    from facewatch.settings.schema import full_key

    for part in full_key(key).split(".", 1):
        now = now.get(part, "default") if isinstance(now, dict) else now
    print(f"{full_key(key)} = {json.dumps(now)}")


def _typed(text: str) -> Any:
    """The value that TOML would read; plain words are text."""
    import tomlkit

    try:
        return tomlkit.parse(f"value = {text}").unwrap()["value"]
    except tomlkit.exceptions.ParseError:
        return text
