"""`facewatch pause`, `resume`, `retry` and `redo`: requests to the daemon, which may start later."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facewatch.cli.options import ConfigOption, places, store
from facewatch.state.requests import Request, put, watched_photo
from facewatch.system.paths import expand_path


def pause(config: ConfigOption = None) -> None:
    """Start no further photo; the current one is finished."""
    store(places(config)).update({"paused": True})
    print("paused; `facewatch resume` continues")


def resume(config: ConfigOption = None) -> None:
    """Continue after a pause."""
    store(places(config)).update({"paused": None})
    print("resumed")


def retry(config: ConfigOption = None) -> None:
    """Try all failed photos again."""
    put(places(config), Request("retry_failed"))
    print("queued: a running facewatch tries at once, otherwise the next start does")


def redo(
    photo: Annotated[Path, typer.Argument(help="A photo in a watched folder.")],
    model: Annotated[str | None, typer.Option("--model", "-m", help="With this model.")] = None,
    weight: Annotated[
        float | None, typer.Option("--weight", "-w", min=0, max=1, help="With this weight.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Restore a photo again, optionally with another model or weight; keep the first copy."""
    where = places(config)
    settings = store(where).load()
    if model is not None:
        store(where).parse({**settings.model_dump(exclude_unset=True), "model": model}, "the options")
    _, path = watched_photo(expand_path(photo), [folder.input for folder in settings.folders])
    put(where, Request("redo", path=path, model=model, weight=weight))
    print("queued: a running facewatch restores it next, otherwise the next start does")
