"""Sentences of the tray: the tooltip and the lines of the menu."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from facewatch.state.outcomes import UNSUCCESSFUL, format_outcomes
from facewatch.state.status import Status, loading_text, progress_text, waiting_texts
from facewatch.system.durations import format_duration
from facewatch.system.text import one_line as written_out
from facewatch.tray.translations import translate
from facewatch.tray.view import View

LONGEST_LINE = 90  # characters; panels cut longer ones anywhere
LONGEST_DOWNLOAD = 110  # its reason and the next try are both needed
LONGEST_TITLE = 120  # Windows refuses tooltips of 128 and more


def title(view: View) -> str:
    """Return the tooltip: "Facewatch: 3 waiting, restoring IMG_2041.jpg (2 of 4 faces)"."""
    return shorten(translate(f"Facewatch: {state_line(view)}"), LONGEST_TITLE)


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
    progress = progress_text(status)
    if progress:
        parts.append(progress)
    else:
        parts += waiting_texts(status)
    if status.current:
        parts.append(_restoring(status.current))
    elif loading := loading_text(status):
        parts.append(loading)
    elif view.mood == "working" and not parts:
        parts.append("working")
    unsuccessful = {outcome: status.outcomes.get(outcome, 0) for outcome in UNSUCCESSFUL}
    failed = format_outcomes(unsuccessful)
    if failed:
        parts.append(failed)
    if not parts or (view.mood == "idle" and not status.waiting and not status.current):
        parts.insert(0, "idle" if failed else "all photos are done")
    return shorten(", ".join(parts), LONGEST_LINE)


def totals_line(status: Status) -> str:
    """Return the counts of all photos by outcome: "112 restored, 3 unchanged, 2 without faces"."""
    return shorten(format_outcomes(status.outcomes) or "no photos yet", LONGEST_LINE)


def troubles(view: View) -> list[str]:
    """Return the problems, the worst first, each in one line of any length."""
    # The reason matters more than the whole path, which would push it out of the line.
    problem = view.problem.replace(str(view.config), view.config.name)
    others = view.status.troubles
    if problem:  # the daemon has met the same mistake in the settings
        others = [text for text in others if not text.startswith("config: ")]
    return [one_line(text) for text in (problem, *others) if text]


def trouble_line(found: list[str]) -> str:
    """Return the menu's row about problems: "No problems", the only one, or their number and the first."""
    if not found:
        return "No problems"
    text = found[0] if len(found) == 1 else f"{len(found)} problems: {found[0]}"
    brief = text if len(text) <= LONGEST_LINE else text.rpartition("; ")[0] or text  # the advice is inside
    return shorten(brief, LONGEST_LINE)


def wrapped(text: str) -> list[str]:
    """Return a text as lines that a panel shows whole."""
    return [shorten(line, LONGEST_LINE) for line in textwrap.wrap(text, LONGEST_LINE)]


def download_line(name: str, download: Mapping[str, Any], now: datetime) -> str:
    """Return the progress of a model's download: "Downloading codeformer: 45 % of 377 MB, 40 s left"."""
    state = download.get("state")
    if state == "held":
        return f"{name}: licence approval needed"
    if state == "waiting":
        again = download.get("retry_at")
        seconds = None if again is None else max(0.0, again - now.timestamp())
        when = "" if seconds is None else f" Next try in {format_duration(seconds)}"
        text = f"{name} is not downloaded: {one_line(download.get('reason', '')).rstrip('.')}."
        return shorten(text, LONGEST_DOWNLOAD - len(when)) + when
    if state == "cancelled":
        return f"{name}: download cancelled"
    done, total = download.get("done_bytes"), download.get("total_bytes")
    if state == "downloading" and done is not None:
        progress = f"{100 * done // total} % of {format_size(total)}" if total else format_size(done)
        left = download.get("seconds_left")
        return f"Downloading {name}: {progress}{'' if left is None else f', {format_duration(left)} left'}"
    return f"{name}: waiting for download" if state == "queued" else f"Downloading {name}"


def downloads_line(downloads: Mapping[str, Mapping[str, Any]], now: datetime) -> str:
    """Return the menu's row about downloads: "No downloads", or the first and the number of the others."""
    if not downloads:
        return "No downloads"
    lines = [download_line(name, download, now) for name, download in downloads.items()]
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return f"{shorten(lines[0], LONGEST_DOWNLOAD - len(more))}{more}"


def one_line(text: str) -> str:
    """Return a text of several lines as one, each line ended by a stop."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(line if line.endswith((".", ":", ";", ",")) else f"{line}." for line in lines[:-1]) + (
        f" {lines[-1]}" if len(lines) > 1 else "".join(lines)
    )


def count_photos(count: int) -> str:
    """Return "1 photo" or "12 photos"."""
    return f"{count} photo" if count == 1 else f"{count} photos"


def format_size(size_bytes: float) -> str:
    """Return a size such as "349 MB", in decimal units as on the models' download pages."""
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"


def shorten(text: str, longest: int) -> str:
    """Return the text in at most `longest` characters, cut in the middle.

    Controls and changes of direction are written out, other unprintable characters become `?`.
    """
    shown = written_out(text).encode("utf-8", "replace").decode("utf-8")  # a name may be no valid text
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
        return view.status.rest or "paused"
    local, now = until.astimezone(), view.now.astimezone()
    day = "" if local.date() == now.date() else f"{local:%a} "
    return f"paused until {day}{local:%H:%M}"
