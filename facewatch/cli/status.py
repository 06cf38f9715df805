"""`facewatch status`: what the daemon is doing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.console import Console

from facewatch.cli.identity import unchecked_note
from facewatch.cli.markup import escape, escape_path
from facewatch.cli.options import ConfigOption, JsonOption, places, store
from facewatch.errors import BadSettings
from facewatch.settings.installation import open_model_files
from facewatch.settings.schedule import PAUSED
from facewatch.settings.schema import Settings
from facewatch.state.alerts import format_incident
from facewatch.state.outcomes import OutcomeCounter, format_outcomes, outcome_of_failure
from facewatch.state.reports import format_strangers
from facewatch.state.status import Status, headline, passed_over_text, photo_text, read_status
from facewatch.system.durations import format_duration
from facewatch.system.paths import Places

INCIDENTS_SHOWN = 5
FAILED_SHOWN = 20
STATES_SHOWN = {"retry": "will retry", "poison": "failed (crashes)"}


def status(
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="Update every second.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show progress, results, and what failed and why."""
    where, counter = places(config), OutcomeCounter()
    while True:
        now = _read(where, counter)
        if as_json:
            print(json.dumps(now.as_json(), indent=None if watch else 2), flush=True)
        else:
            _show(now, clear=watch)
        if not watch:
            return
        time.sleep(1)


def state_shown(photo: Mapping[str, Any]) -> str:
    """Return the words for the state of a photo of `Status.failed`."""
    state = photo["state"]
    return STATES_SHOWN.get(state) or outcome_of_failure(photo["error"], photo["reason"])


def _read(where: Places, counter: OutcomeCounter) -> Status:
    try:
        settings = store(where).load()
    except BadSettings as error:
        now = read_status(where, Settings(), counter=counter)
        # A running daemon has met the same mistake; its text says what it does meanwhile.
        known = any(trouble.startswith("config: ") for trouble in now.troubles)
        return now if known else replace(now, troubles=[f"config: {error}", *now.troubles])
    now = read_status(where, settings, counter=counter)
    note = unchecked_note(open_model_files(where, settings), settings)
    return replace(now, notes=(note,)) if note else now


def _counts(now: Status) -> str:
    """Return the photos by what became of them, and those to come: "3 restored, 2 waiting"."""
    others = {
        "skipped": now.counts["skipped"],
        "will retry": now.counts["retry"],
        "waiting": now.counts["queued"] + now.settling,
        "in work": now.counts["running"] + now.counts["committing"],
    }
    parts = [format_outcomes(now.outcomes), *(f"{count} {words}" for words, count in others.items() if count)]
    return ", ".join(part for part in parts if part)


def _show(now: Status, *, clear: bool) -> None:
    console = Console(highlight=False)
    if clear:
        console.clear()
    console.print(escape(headline(now)), style="bold", soft_wrap=True)
    if now.rest and now.rest != PAUSED:
        console.print("`facewatch resume` restores photos now", soft_wrap=True)
    photos = [_counts(now) or "none yet", format_strangers(now.strangers)]
    console.print(f"photos: {'; '.join(filter(None, photos))}", soft_wrap=True)
    if now.engine:
        about = ", ".join(f"{key} {value}" for key, value in now.engine.items())
        console.print(f"engine: {escape(about)}", soft_wrap=True)
    for name, download in now.downloads.items():
        console.print(f"model {name}: {escape(describe_download(download))}", soft_wrap=True)
    for trouble in now.troubles:
        console.print(f"needs attention: {escape(trouble)}", style="yellow", soft_wrap=True)
    for note in filter(None, (*now.notes, passed_over_text(now.passed_over))):
        console.print(escape(note), soft_wrap=True)
    for incident in now.incidents[-INCIDENTS_SHOWN:]:
        console.print(f"resolved: {escape(format_incident(incident))}", soft_wrap=True)
    for photo in now.failed[:FAILED_SHOWN]:
        words = f"{state_shown(photo)}: {escape_path(photo['path'])}: {escape(photo_text(photo))}"
        console.print(words, soft_wrap=True)
    for photo in now.recent:
        console.print(
            f"{escape_path(photo['path'])}: {escape(photo_text(photo))}", style="dim", soft_wrap=True
        )


def describe_download(download: dict[str, Any]) -> str:
    """Describe a running download: "120 of 349 MB, 5.2 MB/s, 44 s left"."""
    if download["state"] == "downloading" and "done_bytes" in download:
        done, total, left = download["done_bytes"], download["total_bytes"], download["seconds_left"]
        parts = [f"{done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else f"{done / 1e6:.0f} MB"]
        parts.append(f"{download['bytes_per_second'] / 1e6:.1f} MB/s")
        return ", ".join([*parts, f"{format_duration(left)} left"] if left is not None else parts)
    if download["state"] == "waiting":
        seconds = max(0, download["retry_at"] - time.time())
        return f"{download['reason'].rstrip('.')}. Next try in {format_duration(seconds)}"
    return str(download.get("reason") or download["state"])
