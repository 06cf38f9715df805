"""What several commands need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewatch.errors import WrongUse
from facewatch.files import Places

if TYPE_CHECKING:
    from facewatch.checkpoints import Checkpoints
    from facewatch.settings import Settings
    from facewatch.store import Store

ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="PATH", help="Another config file than the usual one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def places(config: Path | None = None, *, new: bool = False) -> Places:
    """Where this installation lives; `config` replaces its config file.

    Raises WrongUse when a file that is named is not there, unless it is a `new` one.
    """
    standard = Places.standard()
    if config is None:
        return standard
    named = config.expanduser().absolute()
    if not new and not named.exists():
        raise WrongUse(f"{config} is not there; `facewatch config init --config {config}` writes it")
    return replace(standard, config=named)


def store(where: Places) -> Store:
    """The settings' store, not loaded yet."""
    from facewatch.installation import store_of

    return store_of(where)


def checkpoints(where: Places | None = None, settings: Settings | None = None) -> Checkpoints:
    """The model files of this installation."""
    from facewatch.installation import checkpoints_of

    where = where or places()
    return checkpoints_of(where, settings or store(where).load())
