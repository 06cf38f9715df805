"""Options and objects that several commands share."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewatch.errors import FacewatchError, WrongUse
from facewatch.settings import weights
from facewatch.settings.weights import parse_weight
from facewatch.system.paths import Places, expand_path, require_photo

if TYPE_CHECKING:
    from facewatch.models.files import ModelFiles
    from facewatch.settings.schema import Settings
    from facewatch.settings.store import Store


def complete_model(incomplete: str) -> list[str]:
    """Return the names of face models that begin like this, for the shell's completion."""
    from facewatch.models import catalogue

    return [name for name in catalogue.names("face") if name.startswith(incomplete)]


def complete_key(incomplete: str) -> list[str]:
    """Return the names of settings that begin like this, for the shell's completion."""
    from facewatch.settings.schema import SECTIONS, Settings, keys_of

    keys = [name for name in Settings.model_fields if name not in SECTIONS]
    keys += [f"{name}.{key}" for name, kind in SECTIONS.items() if name != "folders" for key in keys_of(kind)]
    return [key for key in (*keys, "weight") if key.startswith(incomplete)]


def complete_value(context: typer.Context, incomplete: str) -> list[str]:
    """Return the values that begin like this of the setting being set, for the shell's completion."""
    try:
        values = _values_of(context.params.get("key") or "")
    except FacewatchError:  # an unknown key or a broken config, which the command itself will name
        return []
    return [value for value in values if value.startswith(incomplete)]


def _values_of(key: str) -> tuple[str, ...]:
    """Return the values of a setting that takes only some; empty if it takes others."""
    from facewatch.gallery.forms import sections
    from facewatch.settings.schema import full_key

    if key == "weight" or key.startswith("weights."):
        return (*map(str.lower, weights.WORDS), "default")
    if key == "paused":
        return ("true", "false")
    where = places()
    settings = store(where).load()
    name = full_key(key)
    parts = sections(settings, model_files(where, settings))
    fields = {field.key: field for part in parts for field in part.fields}
    if name not in fields or fields[name].kind not in {"choice", "switch"}:
        return ()
    return (*(fields[name].options or ("true", "false")), "default")


def complete_any_model(incomplete: str) -> list[str]:
    """Return the names of all models, detectors among them, that begin like this."""
    from facewatch.models import catalogue

    return [name for name in catalogue.BY_NAME if name.startswith(incomplete)]


ConfigOption = Annotated[Path | None, typer.Option("--config", metavar="PATH", help="Use this config file.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="A name from `facewatch models`.",
        autocompletion=complete_model,
    ),
]
WeightOption = Annotated[
    float | None,
    typer.Option("--weight", "-w", parser=parse_weight, metavar="WEIGHT", help=weights.HELP.capitalize()),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def readable_photo(named: Path) -> Path:
    """Return the whole path of a photo named on the command line.

    Raises WrongUse unless it is a readable file.
    """
    path = expand_path(named)
    require_photo(path, named)
    try:
        path.open("rb").close()
    except OSError as error:
        raise WrongUse(f"{named} cannot be read: {error.strerror}; check its permissions") from error
    return path


def places(config: Path | None = None, *, new: bool = False) -> Places:
    """Return the places of this installation; `config` replaces its config file.

    Raises WrongUse if the named file is missing, unless it is a `new` one.
    """
    standard = Places.standard()
    if config is None:
        return standard
    named = expand_path(config)
    if not new and not os.path.exists(named):  # noqa: PTH110 - never raises
        raise WrongUse(
            f"{config} is not there, or cannot be reached; "
            f"`facewatch config init --config {config}` writes one"
        )
    return replace(standard, config=named)


def store(where: Places) -> Store:
    """Return the store of the settings, not loaded yet."""
    from facewatch.settings.installation import open_store

    return open_store(where)


def model_files(where: Places | None = None, settings: Settings | None = None) -> ModelFiles:
    """Return the model files of this installation."""
    from facewatch.settings.installation import open_model_files

    where = where or places()
    return open_model_files(where, settings or store(where).load())
