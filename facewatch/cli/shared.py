"""What several commands need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facewatch.files import Places

if TYPE_CHECKING:
    from facewatch.checkpoints import Checkpoints
    from facewatch.settings import Settings
    from facewatch.store import Store

ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="PATH", help="Another config file than the usual one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def places(config: Path | None = None) -> Places:
    """Where this installation lives; `config` replaces its config file."""
    standard = Places.standard()
    return replace(standard, config=config.expanduser().absolute()) if config else standard


def store(where: Places) -> Store:
    """The settings' store, not loaded yet."""
    from facewatch.checkpoints import own_names
    from facewatch.store import Store

    return Store(where.config, lambda folder: own_names(folder or where.models))


def checkpoints(where: Places | None = None, settings: Settings | None = None) -> Checkpoints:
    """The model files of this installation."""
    from facewatch.checkpoints import Checkpoints

    where = where or places()
    settings = settings or store(where).load()
    return Checkpoints(settings.models_folder or where.models, mirror=settings.model_mirror)
