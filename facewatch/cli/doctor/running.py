"""Checks of the clock and of the daemon."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import facewatch
from facewatch.cli.doctor.types import Finding, Machine
from facewatch.errors import FacewatchError
from facewatch.settings.schedule import idle_minutes, rest_reason, working_now
from facewatch.settings.schema import Settings
from facewatch.state.instance import is_locked, lock_holder, running_pid
from facewatch.system.paths import Places

CLOCK_SECONDS = 3600.0  # some disks keep local time and are an hour off in summer


def clock(places: Places, machine: Machine) -> Iterator[Finding]:
    """Check that the clock is not before the date of this version or of a file that it wrote."""
    now = machine.now()
    newest, file = max(_dated_files(places))
    if now >= newest - CLOCK_SECONDS:
        yield Finding("clock", "ok", _local_time(now))
        return
    yield Finding(
        "clock",
        "fix",
        f"the clock says {_local_time(now)}, but {file} is of {_local_time(newest)}: set the clock; "
        "a wrong one makes downloads fail and photos wait too long or not at all",
    )


def times(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """Say when photos are restored, and if the computer does not tell what that depends on."""
    when = settings.engine.when
    if when == "always":
        return
    if settings.work_until is not None and working_now(settings):
        until = f"{settings.work_until:%Y-%m-%d %H:%M}"
        yield Finding("times", "ok", f"photos are restored until {until}, whatever engine.when says ({when})")
        return
    if idle_minutes(when) is not None and machine.unused_for() is None:
        text = (
            f"engine.when is {when!r}, but nothing here tells if the computer is in use: photos are restored "
            'at any time; `facewatch set engine.when "22:00-07:00"` names hours instead'
        )
        yield Finding("times", "note", text)
        return
    yield Finding("times", "ok", rest_reason(settings) or f"photos are restored now ({when})")


def daemon(places: Places) -> Finding:
    """Report whether the daemon runs, and whether another process holds its lock."""
    pid = running_pid(places)
    try:
        taken = is_locked(places)
    except FacewatchError as error:
        return Finding("daemon", "fix", str(error))
    if pid and taken:
        return Finding("daemon", "ok", f"runs as process {pid}")
    if pid:
        text = (
            f"{places.pid} names process {pid}, which does not hold the lock and so is not the daemon: "
            "remove that file"
        )
        return Finding("daemon", "fix", text)
    if taken:
        text = (
            f"does not run, and {lock_holder(places)} holds its lock {places.lock}: end that process, then "
            "start facewatch"
        )
        return Finding("daemon", "fix", text)
    if os.path.lexists(places.pid):
        text = f"is not running; {places.pid} is left from a killed daemon, and the next start replaces it"
        return Finding("daemon", "note", text)
    return Finding("daemon", "ok", "is not running")


def _dated_files(places: Places) -> Iterator[tuple[float, Path]]:
    ours = (places.ledger, places.log, places.pid, places.logs / "tray.log")
    for file in (Path(facewatch.__file__), *ours):
        try:
            yield file.stat().st_mtime, file
        except OSError:
            continue
    yield 0.0, Path("/")


def _local_time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"
