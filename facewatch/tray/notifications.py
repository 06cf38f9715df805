"""Notifications for changes of the status: a pure function and the memory that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeGuard

from facewatch.state.outcomes import OUTCOMES, UNSUCCESSFUL, Outcome, format_outcomes
from facewatch.state.reports import Strangers, format_strangers
from facewatch.state.requests import Request
from facewatch.state.status import Status
from facewatch.system.text import one_line as written_out
from facewatch.system.text import printable
from facewatch.tray.download_menu import model_text
from facewatch.tray.menu_items import (
    AcceptLicence,
    Action,
    ChangeSetting,
    Open,
    OpenGallery,
    OpenOwn,
    SendRequest,
    StartDaemon,
)
from facewatch.tray.text import count_photos, format_size, one_line, shorten
from facewatch.tray.translations import translate
from facewatch.tray.view import Choice

Level = Literal["all", "summary", "errors", "none"]
Category = Literal["error", "summary", "detail"]
QUIET_SECONDS = 8.0  # a batch has ended when no photo was in work for so long
DOWNLOAD_SECONDS = (
    3.0  # a download that ends sooner is not notified, and what begins with it joins its bubble
)
REPEAT_SECONDS = 3600.0  # a trouble that comes and goes is notified once in this time
DOWNLOADING = "downloading"
SUGGESTED = ("gfpgan-1.4", "codeformer")  # for most photos, for heavy damage; a bubble has little room
COMING = ("queued", "downloading")
CATEGORIES: dict[Level, frozenset[Category]] = {
    "all": frozenset({"error", "summary", "detail"}),
    "summary": frozenset({"error", "summary"}),
    "errors": frozenset({"error"}),
    "none": frozenset(),
}


@dataclass(frozen=True)
class Notification:
    """One notification; a click on it runs the first of its actions."""

    title: str
    text: str
    category: Category
    actions: tuple[tuple[str, Action], ...] = ()  # the label of each button, and what it does

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", translate(written_out(self.title)))  # names are text
        object.__setattr__(self, "text", translate(printable(self.text)))
        labelled = tuple((translate(written_out(label)), act) for label, act in self.actions)
        object.__setattr__(self, "actions", labelled)


@dataclass(frozen=True)
class Batch:
    """Photos processed in one go: the lowest counts seen, and the time since when no photo is in work."""

    lowest: dict[Outcome, int]
    strangers: Strangers  # the lowest counts seen
    quiet_since: float | None = None  # clock seconds; None: photos are in work


@dataclass(frozen=True)
class Memory:
    """The previous status and what was notified, to compare the next status with."""

    status: Status | None = None
    batch: Batch | None = None
    notified: dict[str, float] = field(default_factory=dict)  # trouble or download -> clock seconds
    downloading_since: float | None = None  # clock seconds


def model_question(choices: Sequence[Choice], model: str) -> Notification:
    """Return the question of a first start; a click on the bubble itself keeps the present model."""
    others = [choice for choice in choices if choice.name in SUGGESTED]
    actions: list[tuple[str, Action]] = [(f"Keep {model}", ChangeSetting("model", model))]
    actions += [(model_text(choice), ChangeSetting("model", choice.name)) for choice in others]
    return Notification(
        "Which model shall restore the faces?",
        f"{model} does it now, which is part of facewatch; larger models restore more. The menu has all",
        "summary",
        tuple(actions),
    )


def due_notifications(
    memory: Memory, status: Status, level: Level, clock_seconds: float
) -> tuple[Memory, tuple[Notification, ...]]:
    """Return the new memory and the notifications to show; the first status shows none."""
    before = memory.status
    if before is None:
        troubles = dict.fromkeys(status.troubles, clock_seconds)
        return Memory(status, _batch(None, None, status, clock_seconds), troubles), ()
    found: list[Notification] = []
    batch = _batch(memory.batch, before, status, clock_seconds)
    if _is_over(batch, clock_seconds):
        found += _summary(batch, status)
        batch = None
    notified = {text: at for text, at in memory.notified.items() if clock_seconds - at < REPEAT_SECONDS}
    since = memory.downloading_since
    since = None if not status.downloads else clock_seconds if since is None else since
    due = _troubles(status)
    if since is None:
        notified.pop(DOWNLOADING, None)
    elif clock_seconds - since >= DOWNLOAD_SECONDS:
        due += _downloads(status)
    for key, notification in due:
        if key not in notified:
            notified[key] = clock_seconds
            found.append(notification)
        if key.startswith("held "):
            notified[DOWNLOADING] = clock_seconds  # the user knows what an answer begins
    found += [*_finished_downloads(before, status), *_daemon_end(before, status)]
    shown = tuple(notification for notification in found if notification.category in CATEGORIES[level])
    return Memory(status, batch, notified, since), shown


def _batch(batch: Batch | None, before: Status | None, status: Status, now: float) -> Batch | None:
    busy = status.pid is not None and bool(
        status.current or status.settling or status.counts["queued"] or status.counts["running"]
    )
    if batch is None:
        last = before or status
        if not busy and status.outcomes == last.outcomes:  # a photo may come and go between two looks
            return None
        batch = Batch(dict(last.outcomes), last.strangers)
    # A photo that is redone first leaves the count and then returns to it.
    lowest = {
        outcome: min(batch.lowest.get(outcome, 0), status.outcomes.get(outcome, 0)) for outcome in OUTCOMES
    }
    strangers = Strangers(*map(min, batch.strangers, status.strangers))
    if busy:
        return Batch(lowest, strangers)
    return Batch(lowest, strangers, now if batch.quiet_since is None else batch.quiet_since)


def _is_over(batch: Batch | None, now: float) -> TypeGuard[Batch]:
    return batch is not None and batch.quiet_since is not None and now - batch.quiet_since >= QUIET_SECONDS


def _summary(batch: Batch, status: Status) -> list[Notification]:
    ended = {outcome: status.outcomes.get(outcome, 0) - batch.lowest.get(outcome, 0) for outcome in OUTCOMES}
    if not any(ended.values()):
        return []
    failed = sum(ended[outcome] for outcome in UNSUCCESSFUL)
    succeeded = sum(ended.values()) - failed
    first, _, rest = format_outcomes(ended).partition(" ")
    text = f"{count_photos(int(first))} {rest}"  # "12 photos restored, 3 unchanged"
    new = Strangers(*(now - before for now, before in zip(status.strangers, batch.strangers, strict=True)))
    if words := format_strangers(new):
        text = f"{text}; {words}"
    actions: list[tuple[str, Action]] = []
    if failed > 0:
        actions.append(("Why?", OpenGallery("problems")))
    if succeeded > 0 and (shown := _show(status, succeeded)) is not None:
        actions.insert(0 if succeeded > failed else 1, ("Show", shown))
    return [Notification("Facewatch", text, "error" if failed > 0 else "summary", tuple(actions))]


def _show(status: Status, count: int) -> Action | None:
    """Return the action that shows the newest `count` copies; None if none was written."""
    restored = [Path(photo["path"]) for photo in status.recent[:count] if photo["output"]]
    if not restored:
        return None
    return OpenGallery() if len(restored) > 1 else OpenGallery(photo=restored[0])


def _troubles(status: Status) -> list[tuple[str, Notification]]:
    return [
        (
            text,
            Notification("Facewatch needs attention", shorten(one_line(text), 200), "error", _remedy(text)),
        )
        for text in status.troubles
    ]


def _remedy(trouble: str) -> tuple[tuple[str, Action], ...]:
    """Return the action that opens what a trouble is about: its folder, the settings, or the log."""
    place = trouble.partition(": ")[0]
    for prefix in ("folder ", "disk of "):
        if place.startswith(prefix):
            return (("Show", Open(place.removeprefix(prefix))),)
    return (("Open settings", OpenOwn("config")) if place == "config" else ("Open log", OpenOwn("log")),)


def _downloads(status: Status) -> list[tuple[str, Notification]]:
    """Return the notifications about downloads, each with its key; in an episode one is enough."""
    asked = _questions(status)
    failing = {name: it for name, it in status.downloads.items() if it.get("state") == "waiting"}
    if failing:
        reason = shorten(one_line(next(iter(failing.values())).get("reason", "")), 160)
        one = next(iter(failing)) if len(failing) == 1 else None
        again = (("Try now", SendRequest(Request("download_now", model=one))),)
        text = f"{', '.join(failing)}: {reason}"
        asked.append(("waiting", Notification("Cannot download model", text, "error", again)))
    coming = {name: it for name, it in status.downloads.items() if it.get("state") in COMING}
    if coming and not asked:
        text = ", ".join(_model_text(name, download) for name, download in coming.items())
        title = "Downloading model" if len(coming) == 1 else "Downloading models"
        asked.append((DOWNLOADING, Notification(title, f"{text}{_waiting_photos(status)}", "summary")))
    return asked


def _questions(status: Status) -> list[tuple[str, Notification]]:
    """Return a question for each licence that has to be accepted."""
    found: dict[str, Notification] = {}
    for name, download in status.downloads.items():
        licence = download.get("licence", "a licence")
        if download.get("state") != "held" or licence in found:
            continue
        text = f"{name} is under {licence}. {download.get('sentence', '')}".rstrip()
        actions: list[tuple[str, Action]] = [("Accept", AcceptLicence(name))]
        if download.get("terms_url"):
            actions.insert(0, ("Read the terms", Open(download["terms_url"])))
        found[licence] = Notification("Licence approval needed", text, "summary", tuple(actions))
    return [(f"held {licence}", notification) for licence, notification in found.items()]


def _model_text(name: str, download: dict[str, Any]) -> str:
    total = download.get("total_bytes")
    return f"{name} ({format_size(total)})" if total else name


def _waiting_photos(status: Status) -> str:
    count = status.coming  # those that failed once have a model
    if not count:
        return ""
    return f"; {count_photos(count)} {'waits' if count == 1 else 'wait'}"


def _finished_downloads(before: Status, status: Status) -> list[Notification]:
    if status.pid is None or status.pid != before.pid:
        return []
    gone = before.downloads.keys() - status.downloads.keys()
    names = sorted(name for name in gone if before.downloads[name].get("state") == "downloading")
    return [Notification("Facewatch", f"{name} is downloaded", "detail") for name in names]


def _daemon_end(before: Status, status: Status) -> list[Notification]:
    if before.pid is None or status.pid is not None:
        return []
    text = "New photos wait until you start it again in the tray menu"
    return [Notification("Facewatch has stopped", text, "error", (("Start", StartDaemon()),))]
