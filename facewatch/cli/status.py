"""`facewatch run`, `status`, `pause`, `resume`, and the engine's own entry."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facewatch.cli.options import ConfigOption, JsonOption, places, store
from facewatch.system.paths import expand_path

if TYPE_CHECKING:
    from facewatch.state.status import Status
    from facewatch.system.paths import Places

INCIDENTS_SHOWN = 5


def run(
    no_tray: Annotated[bool, typer.Option("--no-tray", help="Without the icon in the tray.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Work off what is there, then end.")] = False,
    config: ConfigOption = None,
) -> None:
    """Watch the folders and restore new photos until stopped."""
    from facewatch.daemon import run as running

    where = places(config)
    raise typer.Exit(running.run(where, once=once, tray=not no_tray))


def status(
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, a look a second.")] = False,
    config: ConfigOption = None,
) -> None:
    """Say what the daemon is doing, what it did, and what it left alone and why."""
    where = places(config)
    while True:
        now = _look(where)
        if as_json:
            print(json.dumps(now.as_json(), indent=None if watch else 2), flush=True)
        else:
            _show(now, clear=watch)
        if not watch:
            return
        time.sleep(1)


def pause(config: ConfigOption = None) -> None:
    """Start no further photo; the one in work is finished."""
    store(places(config)).update({"paused": True})
    print("paused; `facewatch resume` goes on")


def resume(config: ConfigOption = None) -> None:
    """Go on after a pause."""
    store(places(config)).update({"paused": None})
    print("resumed")


def retry(config: ConfigOption = None) -> None:
    """Try everything again that has failed."""
    from facewatch.state.requests import Request, put

    put(places(config), Request("retry_failed"))
    print("asked; a running facewatch tries again at once, another when it starts")


def redo(
    photo: Annotated[Path, typer.Argument(help="A photo in a watched folder.")],
    model: Annotated[str | None, typer.Option("--model", "-m", help="With this model.")] = None,
    weight: Annotated[
        float | None, typer.Option("--weight", "-w", min=0, max=1, help="With this weight.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Restore a photo once more, if wished with another model or weight; the first copy stays."""
    from facewatch.state.requests import Request, put, watched_photo

    where = places(config)
    settings = store(where).load()
    if model is not None:
        store(where).parse({**settings.model_dump(exclude_unset=True), "model": model}, "the options")
    _, path = watched_photo(expand_path(photo), [folder.input for folder in settings.folders])
    put(where, Request("redo", path=path, model=model, weight=weight))
    print("asked; a running facewatch restores it next, another when it starts")


def engine(
    probe: Annotated[str | None, typer.Option(help="Only name the device of this wish.")] = None,
) -> None:
    """Serve photos on a pipe: the daemon starts this."""
    from facewatch.engine import main

    main.main(probe)


def _look(where: Places) -> Status:
    from facewatch.errors import BadSettings
    from facewatch.settings.schema import Settings
    from facewatch.state.status import read_status

    try:
        settings = store(where).load()
    except BadSettings as error:
        now = read_status(where, Settings())
        return replace(now, troubles=[f"config: {error}", *now.troubles])
    return read_status(where, settings)


def _show(now: Status, *, clear: bool) -> None:
    from rich.console import Console
    from rich.markup import escape

    from facewatch.state.alerts import format_incident
    from facewatch.state.status import headline

    console = Console(highlight=False)
    if clear:
        console.clear()
    console.print(escape(headline(now)), style="bold", soft_wrap=True)
    counts = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in now.counts.items() if count)
    console.print(f"photos: {counts or 'none yet'}")
    if now.engine:
        about = ", ".join(f"{key} {value}" for key, value in now.engine.items())
        console.print(f"engine: {escape(about)}", soft_wrap=True)
    for name, download in now.downloads.items():
        console.print(f"model {name}: {escape(_download(download))}", soft_wrap=True)
    for trouble in now.troubles:
        console.print(f"needs attention: {escape(trouble)}", style="yellow", soft_wrap=True)
    for incident in now.incidents[-INCIDENTS_SHOWN:]:
        console.print(f"healed: {escape(format_incident(incident))}", soft_wrap=True)
    for photo in now.failed[:20]:
        console.print(f"{photo['state']}: {escape(photo['path'])}: {escape(photo['reason'])}", soft_wrap=True)
    for photo in now.recent:
        console.print(f"{escape(photo['path'])}: {escape(photo['reason'])}", style="dim", soft_wrap=True)


def _download(download: dict[str, Any]) -> str:
    """How a model's file is coming, in words: "120 of 349 MB, 5.2 MB/s, 44 s left"."""
    if download["state"] == "downloading" and "done_bytes" in download:
        done, total, left = download["done_bytes"], download["total_bytes"], download["seconds_left"]
        parts = [f"{done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else f"{done / 1e6:.0f} MB"]
        parts.append(f"{download['bytes_per_second'] / 1e6:.1f} MB/s")
        return ", ".join([*parts, f"{left:.0f} s left"] if left is not None else parts)
    if download["state"] == "waiting":
        return f"{download['reason']}; next try in {max(0, download['retry_at'] - time.time()):.0f} s"
    return str(download.get("reason") or download["state"])
