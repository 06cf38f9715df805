"""Sentences of the tray: the tooltip and the lines of the menu."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from facewatch.state.status import Status
from facewatch.tray.view import View

LONGEST_LINE = 90  # characters; panels cut longer ones anywhere
LONGEST_TITLE = 120  # Windows refuses tooltips of 128 and more
TROUBLES_SHOWN = 4


def title(view: View) -> str:
    """Return the tooltip: "Facewatch: 3 waiting, restoring IMG_2041.jpg (2 of 4 faces)"."""
    return shorten(f"Facewatch: {state_line(view)}", LONGEST_TITLE)


def state_line(view: View) -> str:
    """Return the menu's first line: the daemon's state and progress."""
    status = view.status
    if view.mood == "stopped":
        return "not running"
    parts = []
    if view.mood == "paused":
        parts.append(_paused(view))
    elif view.mood == "attention":
        parts.append("needs attention")
    if status.waiting:
        parts.append(f"{status.waiting} waiting")
    if status.current:
        parts.append(_restoring(status.current))
    failed = count_failed(status)
    if failed:
        parts.append(f"{failed} failed")
    if not parts or (view.mood == "idle" and not status.waiting and not status.current):
        parts.insert(0, "all photos are done" if failed == 0 else "idle")
    return shorten(", ".join(parts), LONGEST_LINE)


def trouble_lines(view: View) -> tuple[str, ...]:
    """Return the troubles, one line each, the worst first, and a line that counts the rest."""
    # The reason matters more than the whole path, which would push it out of the line.
    problem = view.problem.replace(str(view.config), view.config.name)
    lines = [line for line in (problem, *view.status.troubles) if line]
    shown = [shorten(line.partition("\n")[0], LONGEST_LINE) for line in lines[:TROUBLES_SHOWN]]
    if len(lines) > TROUBLES_SHOWN:
        shown.append(f"and {len(lines) - TROUBLES_SHOWN} more")
    return tuple(shown)


def download_line(name: str, download: Mapping[str, Any]) -> str:
    """Return the progress of a model's download: "downloading codeformer: 45 % of 377 MB"."""
    state = download.get("state")
    if state == "held":
        return f"{name}: licence approval needed"
    if state == "waiting":
        return shorten(f"{name} is not downloaded: {download.get('reason', '')}", LONGEST_LINE)
    done, total = download.get("done_bytes"), download.get("total_bytes")
    if state == "downloading" and done is not None:
        progress = f"{100 * done // total} % of {format_size(total)}" if total else format_size(done)
        return f"downloading {name}: {progress}"
    return f"downloading {name}"


def count_failed(status: Status) -> int:
    """Return the number of failed photos that are not retried automatically."""
    return status.counts["parked"] + status.counts["poison"]


def count_photos(count: int) -> str:
    """Return "1 photo" or "12 photos"."""
    return f"{count} photo" if count == 1 else f"{count} photos"


def format_size(size_bytes: float) -> str:
    """Return a size such as "349 MB", in decimal units as on the models' download pages."""
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"


def shorten(text: str, longest: int) -> str:
    """Return the text in at most `longest` characters, cut in the middle; unprintable ones become `?`."""
    shown = text.encode("utf-8", "replace").decode("utf-8")  # a file name may be no valid text
    shown = "".join(sign if sign.isprintable() else "?" for sign in shown)
    if len(shown) <= longest:
        return shown
    tail = longest // 3
    return f"{shown[: longest - tail - 1].rstrip()}…{shown[-tail:].lstrip()}"


def _restoring(current: Mapping[str, Any]) -> str:
    name = shorten(Path(current["path"]).name, 40)
    if not current.get("total"):
        return f"restoring {name}"
    return f"restoring {name} ({current['done']} of {current['total']} {current['what']})"


def _paused(view: View) -> str:
    until = view.settings.paused if view.settings else False
    if not isinstance(until, datetime):
        return "paused"
    local, now = until.astimezone(), view.now.astimezone()
    day = "" if local.date() == now.date() else f"{local:%a} "
    return f"paused until {day}{local:%H:%M}"
