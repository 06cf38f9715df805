"""What several commands need."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewatch.errors import WrongUse
from facewatch.system.paths import Places, ask_for_photo, whole

if TYPE_CHECKING:
    from facewatch.models.files import Checkpoints
    from facewatch.settings.schema import Settings
    from facewatch.settings.store import Store

ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="PATH", help="Another config file than the usual one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def readable_photo(named: Path) -> Path:
    """The whole path of a photo that was typed.

    Raises WrongUse unless it is a file that can be read.
    """
    path = whole(named)
    ask_for_photo(path, named)
    try:
        path.open("rb").close()
    except OSError as error:
        raise WrongUse(f"{named} cannot be read: {error.strerror}; check its permissions") from error
    return path


def places(config: Path | None = None, *, new: bool = False) -> Places:
    """Where this installation lives; `config` replaces its config file.

    Raises WrongUse when a file that is named is not there, unless it is a `new` one.
    """
    standard = Places.standard()
    if config is None:
        return standard
    named = whole(config)
    if not new and not os.path.exists(named):  # noqa: PTH110 - never raises
        raise WrongUse(
            f"{config} is not there, or cannot be reached; "
            f"`facewatch config init --config {config}` writes one"
        )
    return replace(standard, config=named)


def store(where: Places) -> Store:
    """The settings' store, not loaded yet."""
    from facewatch.settings.installation import store_of

    return store_of(where)


def checkpoints(where: Places | None = None, settings: Settings | None = None) -> Checkpoints:
    """The model files of this installation."""
    from facewatch.settings.installation import checkpoints_of

    where = where or places()
    return checkpoints_of(where, settings or store(where).load())
