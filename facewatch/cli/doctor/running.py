"""The clock, and who runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import facewatch
from facewatch.cli.doctor.findings import Finding
from facewatch.cli.doctor.machine import Machine
from facewatch.errors import FacewatchError
from facewatch.state.instance import is_locked, lock_holder, running_pid
from facewatch.system.paths import Places

CLOCK_SECONDS = 3600.0  # some disks keep local time and are an hour off in summer


def clock(places: Places, machine: Machine) -> Iterator[Finding]:
    """Whether the clock stands before something that has happened: this version, or what it has written."""
    now = machine.now()
    newest, file = max(_written(places))
    if now >= newest - CLOCK_SECONDS:
        yield Finding("clock", "ok", _local(now))
        return
    yield Finding(
        "clock",
        "mend",
        f"the clock says {_local(now)}, but {file} is of {_local(newest)}: set the clock; "
        "a wrong one makes downloads fail and photos wait too long or not at all",
    )


def daemon(places: Places) -> Finding:
    """Whether the daemon runs, and whether anything else stands in its way."""
    pid = running_pid(places)
    try:
        taken = is_locked(places)
    except FacewatchError as error:
        return Finding("daemon", "mend", str(error))
    if pid and taken:
        return Finding("daemon", "ok", f"runs as process {pid}")
    if pid:
        text = (
            f"{places.pid} names process {pid}, which does not hold the lock and so is no daemon: "
            "remove that file"
        )
        return Finding("daemon", "mend", text)
    if taken:
        text = (
            f"does not run, and {lock_holder(places)} holds its lock {places.lock}: end that process, then "
            "start facewatch"
        )
        return Finding("daemon", "mend", text)
    if os.path.lexists(places.pid):
        text = f"is not running; {places.pid} is left of one that was killed, and the next start replaces it"
        return Finding("daemon", "note", text)
    return Finding("daemon", "ok", "is not running")


def _written(places: Places) -> Iterator[tuple[float, Path]]:
    ours = (places.ledger, places.log, places.pid, places.logs / "tray.log")
    for file in (Path(facewatch.__file__), *ours):
        try:
            yield file.stat().st_mtime, file
        except OSError:
            continue
    yield 0.0, Path("/")


def _local(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"
