"""`facewatch pause`, `resume`, `retry` and `redo`: requests to the daemon, which may start later."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from facewatch.cli.options import ConfigOption, ModelOption, WeightOption, places, store
from facewatch.errors import WrongUse
from facewatch.settings.schedule import resumed
from facewatch.state.requests import Request, put, watched_photo
from facewatch.state.status import read_status
from facewatch.system.paths import expand_path

DURATION = re.compile(r"((?P<days>\d+)d)?((?P<hours>\d+)h)?((?P<minutes>\d+)m)?((?P<seconds>\d+)s)?")


def pause(
    duration: Annotated[
        str | None,
        typer.Argument(
            metavar="DURATION", help="For how long, such as 30m, 1h or 1h30m; else until resumed."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Start no further photo; the current one is finished."""
    until = None if duration is None else _end_of(duration, datetime.now().astimezone())
    store(places(config)).update({"paused": until or True})
    when = f" until {until:%Y-%m-%d %H:%M}" if until else ""
    print(f"paused{when}; `facewatch resume` continues")


def _end_of(duration: str, now: datetime) -> datetime:
    """Return the time at which a duration such as "1h30m" has passed. Raises WrongUse."""
    found = DURATION.fullmatch(duration.strip().lower())
    parts = {unit: int(count) for unit, count in found.groupdict().items() if count} if found else {}
    if not any(parts.values()):
        raise WrongUse(f"{duration} is no duration; write for example 30m, 1h, 1h30m or 2d")
    try:
        return (now + timedelta(**parts)).replace(microsecond=0)
    except OverflowError as error:
        raise WrongUse(f"{duration} is too long; `facewatch pause` alone pauses until resumed") from error


def resume(config: ConfigOption = None) -> None:
    """Continue after a pause.

    Where `engine.when` or `engine.give_way` makes photos wait, both are set aside for 12 hours.
    """
    where = places(config)
    settings = store(where)
    now = settings.load()
    changes = resumed(now, rest=read_status(where, now).rest)
    settings.update(changes)
    until = changes["work_until"]
    print(f"resumed until {until:%H:%M}, whatever engine.when and give_way say" if until else "resumed")


def retry(
    photos: Annotated[
        list[Path] | None, typer.Argument(metavar="PHOTO", help="Failed photos; all if none.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Try failed photos again: all, or those that are named."""
    where = places(config)
    roots = [folder.input for folder in store(where).load().folders] if photos else []
    for path in [watched_photo(expand_path(photo), roots)[1] for photo in photos or []]:
        put(where, Request("retry_failed", path))
    if not photos:
        put(where, Request("retry_failed"))
    print("queued: a running facewatch tries at once, otherwise the next start does")


def redo(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo in a watched folder.")],
    model: ModelOption = None,
    weight: WeightOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move the earlier copy to the trash once the new one is ready.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Restore a photo again; the earlier copy is kept, or replaced."""
    where = places(config)
    settings = store(where).load()
    if model is not None:
        store(where).parse({**settings.model_dump(exclude_unset=True), "model": model}, "the options")
    _, path = watched_photo(expand_path(photo), [folder.input for folder in settings.folders])
    put(where, Request("redo", path=path, model=model, weight=weight, replace=replace or None))
    print("queued: a running facewatch restores it next, otherwise the next start does")
    if replace:
        print("the earlier copy then goes to the trash, unless it was changed since facewatch made it")
