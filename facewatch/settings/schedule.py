"""When photos are restored: pauses, hours, mains power, and an unused computer."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from facewatch.system.idle import IdleTime, idle_seconds
from facewatch.system.power import on_battery

if TYPE_CHECKING:
    from facewatch.settings.schema import Settings

PAUSED = "paused"  # the reason to rest that the user gave; any other is a time or a state of the computer
WORK_TIMES = frozenset({"engine.when", "engine.give_way"})  # the settings that `resume` sets aside
WORK_NOW = timedelta(hours=12)  # how long `resume` sets them aside
MOST_IDLE_MINUTES = 1440
_IDLE = re.compile(r"idle +(\d{1,4})")
_HOURS = re.compile(r"(\d{1,2}):(\d{2}) *- *(\d{1,2}):(\d{2})")


def valid_when(value: str) -> str:
    """Return the value if it is "always", "mains", "idle 10" (minutes) or hours such as "22:00-07:00"."""
    if value not in {"always", "mains"} and idle_minutes(value) is None:
        _hours(value)
    return value


def idle_minutes(value: str) -> int | None:
    """Return the minutes of a value such as "idle 10"; None for any other."""
    found = _IDLE.fullmatch(value.strip())
    minutes = int(found[1]) if found else 0
    return minutes if 1 <= minutes <= MOST_IDLE_MINUTES else None


_unused_for = IdleTime(idle_seconds)


def rest_reason(
    settings: Settings,
    now: datetime | None = None,
    battery: Callable[[], bool] = on_battery,
    unused_for: Callable[[], float | None] = _unused_for,
) -> str:
    """Return why no photo is started now, such as "waiting until 22:00"; empty if photos are."""
    present = now.astimezone() if now else datetime.now().astimezone()
    if settings.pausing(present):
        return PAUSED
    when = settings.engine.when
    if when == "always" or working_now(settings, present):
        return ""
    if when == "mains":
        return "waiting for mains power" if battery() else ""
    if minutes := idle_minutes(when):
        seconds = unused_for()  # a system that does not tell has no one in front of it, mostly
        words = "a minute" if minutes == 1 else f"{minutes} minutes"
        busy = seconds is not None and seconds < minutes * 60
        return f"waiting until the computer is unused for {words}" if busy else ""
    start, end = _hours(when)
    clock = present.time()
    within = start <= clock < end if start < end else clock >= start or clock < end
    return "" if within else f"waiting until {start:%H:%M}"


def working_now(settings: Settings, now: datetime | None = None) -> bool:
    """Return True while the user wants photos restored whatever else the settings say (`work_until`)."""
    present = now.astimezone() if now else datetime.now().astimezone()
    return settings.work_until is not None and is_ahead(settings.work_until, present)


def resumed(settings: Settings, now: datetime | None = None, rest: str = "") -> dict[str, Any]:
    """Return the changes to the settings after which photos are started at once.

    rest  the reason in the status, which knows of more than the settings
    """
    present = now.astimezone() if now else datetime.now().astimezone()
    awake = settings.model_copy(update={"paused": False})
    waits = rest_reason(awake, present) or rest not in {"", PAUSED}
    aside = (present + WORK_NOW).replace(microsecond=0) if waits else None
    return {"paused": None, "work_until": aside}


def is_ahead(moment: datetime, present: datetime) -> bool:
    """Return True while `moment` lies after `present`; without a zone it is the user's own time."""
    if moment.tzinfo is None:  # compared as it is written: the first and last years have no UTC
        return present.astimezone().replace(tzinfo=None) < moment
    return present < moment


def _hours(value: str) -> tuple[time, time]:
    found = _HOURS.fullmatch(value.strip())
    if found:
        numbers = [int(number) for number in found.groups()]
        try:
            start, end = time(numbers[0], numbers[1]), time(numbers[2], numbers[3])
        except ValueError:
            start = end = time()
        if start != end:
            return start, end
    raise ValueError(
        f'"{value}" is no time to work; write "always", "mains" (not on battery), "idle 10" (when unused for '
        f'10 minutes, at most {MOST_IDLE_MINUTES}), or hours such as "22:00-07:00"'
    )
