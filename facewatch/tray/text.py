"""The tray's sentences: what is going on, in one line and in several."""

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


def title(scene: View) -> str:
    """The tooltip: "Facewatch: 3 waiting, restoring IMG_2041.jpg (2 of 4 faces)"."""
    return shortened(f"Facewatch: {state_line(scene)}", LONGEST_TITLE)


def state_line(scene: View) -> str:
    """What is going on, as the menu's first line."""
    status = scene.status
    if scene.mood == "stopped":
        return "not running"
    parts = []
    if scene.mood == "paused":
        parts.append(_paused(scene))
    elif scene.mood == "attention":
        parts.append("needs attention")
    if status.waiting:
        parts.append(f"{status.waiting} waiting")
    if status.current:
        parts.append(_restoring(status.current))
    failed = count_failed(status)
    if failed:
        parts.append(f"{failed} failed")
    if not parts or (scene.mood == "idle" and not status.waiting and not status.current):
        parts.insert(0, "all photos are done" if failed == 0 else "idle")
    return shortened(", ".join(parts), LONGEST_LINE)


def trouble_lines(scene: View) -> tuple[str, ...]:
    """What stands in the way, a line each, the worst first; and how many more there are."""
    # The reason matters more than the whole path, which would push it out of the line.
    problem = scene.problem.replace(str(scene.config), scene.config.name)
    lines = [line for line in (problem, *scene.status.troubles) if line]
    shown = [shortened(line.partition("\n")[0], LONGEST_LINE) for line in lines[:TROUBLES_SHOWN]]
    if len(lines) > TROUBLES_SHOWN:
        shown.append(f"and {len(lines) - TROUBLES_SHOWN} more")
    return tuple(shown)


def download_line(name: str, download: Mapping[str, Any]) -> str:
    """How a model's download stands: "downloading codeformer: 45 % of 377 MB"."""
    state = download.get("state")
    if state == "held":
        return f"{name} waits: its licence has to be accepted"
    if state == "waiting":
        return shortened(f"{name} is not here yet: {download.get('reason', '')}", LONGEST_LINE)
    done, total = download.get("done_bytes"), download.get("total_bytes")
    if state == "downloading" and done is not None:
        how_far = f"{100 * done // total} % of {size(total)}" if total else size(done)
        return f"downloading {name}: {how_far}"
    return f"downloading {name}"


def count_failed(status: Status) -> int:
    """The photos that failed and are not tried again by themselves."""
    return status.counts["parked"] + status.counts["poison"]


def photos(count: int) -> str:
    """ "1 photo", "12 photos"."""
    return f"{count} photo" if count == 1 else f"{count} photos"


def size(size_bytes: float) -> str:
    """ "349 MB", in units of a thousand as the projects' pages have it."""
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"


def shortened(text: str, longest: int) -> str:
    """The text in at most `longest` characters, its middle left out; what has no shape becomes a `?`."""
    shown = text.encode("utf-8", "replace").decode("utf-8")  # a file name may be no text
    shown = "".join(sign if sign.isprintable() else "?" for sign in shown)
    if len(shown) <= longest:
        return shown
    tail = longest // 3
    return f"{shown[: longest - tail - 1].rstrip()}…{shown[-tail:].lstrip()}"


def _restoring(current: Mapping[str, Any]) -> str:
    name = shortened(Path(current["path"]).name, 40)
    if not current.get("total"):
        return f"restoring {name}"
    return f"restoring {name} ({current['done']} of {current['total']} {current['what']})"


def _paused(scene: View) -> str:
    until = scene.settings.paused if scene.settings else False
    if not isinstance(until, datetime):
        return "paused"
    local, now = until.astimezone(), scene.now.astimezone()
    day = "" if local.date() == now.date() else f"{local:%a} "
    return f"paused until {day}{local:%H:%M}"
