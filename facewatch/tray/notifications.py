"""Notifications for changes of the status: a pure function and the memory that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeGuard

from facewatch.state.status import Status
from facewatch.tray.text import count_failed, count_photos, format_size, shorten

Level = Literal["all", "summary", "errors", "none"]
Category = Literal["error", "summary", "detail"]
QUIET_SECONDS = 8.0  # a batch has ended when no photo was in work for so long
REPEAT_SECONDS = 3600.0  # a trouble that comes and goes is notified once in this time
CATEGORIES: dict[Level, frozenset[Category]] = {
    "all": frozenset({"error", "summary", "detail"}),
    "summary": frozenset({"error", "summary"}),
    "errors": frozenset({"error"}),
    "none": frozenset(),
}


@dataclass(frozen=True)
class Notification:
    """One notification."""

    title: str
    text: str
    category: Category


@dataclass(frozen=True)
class Batch:
    """Photos processed in one go: the lowest counts seen, and the time since when no photo is in work."""

    finished: int
    failed: int
    quiet_since: float | None = None  # clock seconds; None: photos are in work


@dataclass(frozen=True)
class Memory:
    """The previous status and what was notified, to compare the next status with."""

    status: Status | None = None
    batch: Batch | None = None
    notified: dict[str, float] = field(default_factory=dict)  # trouble or download -> clock seconds


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
    for key, notification in (*_troubles(status), *_downloads(status)):
        if key not in notified:
            notified[key] = clock_seconds
            found.append(notification)
    found += [*_finished_downloads(before, status), *_daemon_end(before, status)]
    shown = tuple(notification for notification in found if notification.category in CATEGORIES[level])
    return replace(memory, status=status, batch=batch, notified=notified), shown


def _batch(batch: Batch | None, before: Status | None, status: Status, now: float) -> Batch | None:
    busy = status.pid is not None and bool(
        status.current or status.settling or status.counts["queued"] or status.counts["running"]
    )
    if batch is None:
        last = before or status
        # A photo may have come and gone between two looks.
        if not busy and (_count_finished(status), count_failed(status)) == (
            _count_finished(last),
            count_failed(last),
        ):
            return None
        batch = Batch(_count_finished(last), count_failed(last))
    # A photo that is redone first leaves the count and then returns to it.
    lowest = replace(
        batch,
        finished=min(batch.finished, _count_finished(status)),
        failed=min(batch.failed, count_failed(status)),
    )
    if busy:
        return replace(lowest, quiet_since=None)
    return replace(lowest, quiet_since=now if batch.quiet_since is None else batch.quiet_since)


def _is_over(batch: Batch | None, now: float) -> TypeGuard[Batch]:
    return batch is not None and batch.quiet_since is not None and now - batch.quiet_since >= QUIET_SECONDS


def _summary(batch: Batch, status: Status) -> list[Notification]:
    restored = _count_finished(status) - batch.finished
    failed = count_failed(status) - batch.failed
    if restored <= 0 and failed <= 0:
        return []
    parts = [f"{count_photos(restored)} restored"] if restored > 0 else []
    if failed > 0:
        parts.append(f"{failed} failed" if parts else f"{count_photos(failed)} failed")
    return [Notification("Facewatch", ", ".join(parts), "error" if failed > 0 else "summary")]


def _troubles(status: Status) -> list[tuple[str, Notification]]:
    return [
        (text, Notification("Facewatch needs attention", shorten(text, 200), "error"))
        for text in status.troubles
    ]


def _downloads(status: Status) -> list[tuple[str, Notification]]:
    found = []
    for name, download in status.downloads.items():
        state = download.get("state")
        if state == "held":
            licence = download.get("licence", "a licence")
            text = f"{name} is under {licence}: read and accept it in the tray menu"
            found.append((f"held {name}", Notification("Licence approval needed", text, "summary")))
        elif state == "waiting":
            text = f"{name}: {shorten(download.get('reason', ''), 160)}"
            found.append((f"waiting {name}", Notification("Cannot download model", text, "error")))
        elif state == "downloading":
            text = _download_text(name, download)
            found.append((f"downloading {name}", Notification("Downloading model", text, "summary")))
    return found


def _download_text(name: str, download: dict[str, Any]) -> str:
    total = download.get("total_bytes")
    model = f"{name} ({format_size(total)})" if total else name
    return f"{model}; photos wait until it is downloaded"


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
    return [Notification("Facewatch has stopped", text, "error")]


def _count_finished(status: Status) -> int:
    return status.counts["done"] + status.counts["no_faces"]
