"""Which notifications a change of the status is worth: a pure function, with what has to be remembered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeGuard

from facewatch.state.status import Status
from facewatch.tray import text as words

Level = Literal["all", "summary", "errors", "none"]
Weight = Literal["error", "summary", "detail"]
QUIET_SECONDS = 8.0  # a batch has ended when nothing has come for so long
TOLD_AGAIN_SECONDS = 3600.0  # a trouble that comes and goes is told once in this time
WANTED: dict[Level, frozenset[Weight]] = {
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
    weight: Weight


@dataclass(frozen=True)
class Batch:
    """Photos that were worked on in one go: the lowest counts, and since when it is quiet."""

    finished: int
    failed: int
    quiet_since: float | None = None  # clock seconds; None: still at it


@dataclass(frozen=True)
class Memory:
    """What the next look is compared with."""

    status: Status | None = None
    batch: Batch | None = None
    told: dict[str, float] = field(default_factory=dict)  # troubles and questions, and when they were told


def notices(
    memory: Memory, status: Status, level: Level, clock_seconds: float
) -> tuple[Memory, tuple[Notification, ...]]:
    """What to tell now, and what to remember; the first look tells nothing."""
    before = memory.status
    if before is None:
        troubles = dict.fromkeys(status.troubles, clock_seconds)
        return Memory(status, _batch(None, None, status, clock_seconds), troubles), ()
    found: list[Notification] = []
    batch = _batch(memory.batch, before, status, clock_seconds)
    if _is_over(batch, clock_seconds):
        found += _summary(batch, status)
        batch = None
    told = {text: at for text, at in memory.told.items() if clock_seconds - at < TOLD_AGAIN_SECONDS}
    for text, notice in (*_troubles(status), *_questions(status)):
        if text not in told:
            told[text] = clock_seconds
            found.append(notice)
    found += [*_arrivals(before, status), *_end(before, status)]
    kept = tuple(notice for notice in found if notice.weight in WANTED[level])
    return replace(memory, status=status, batch=batch, told=told), kept


def _batch(batch: Batch | None, before: Status | None, status: Status, now: float) -> Batch | None:
    busy = status.pid is not None and bool(
        status.current or status.settling or status.counts["queued"] or status.counts["running"]
    )
    if batch is None:
        last = before or status
        # A photo may have come and gone between two looks.
        if not busy and (_finished(status), words.count_failed(status)) == (
            _finished(last),
            words.count_failed(last),
        ):
            return None
        batch = Batch(_finished(last), words.count_failed(last))
    # A photo that is done once more leaves the count first, and comes back into it.
    lowest = replace(
        batch,
        finished=min(batch.finished, _finished(status)),
        failed=min(batch.failed, words.count_failed(status)),
    )
    if busy:
        return replace(lowest, quiet_since=None)
    return replace(lowest, quiet_since=now if batch.quiet_since is None else batch.quiet_since)


def _is_over(batch: Batch | None, now: float) -> TypeGuard[Batch]:
    return batch is not None and batch.quiet_since is not None and now - batch.quiet_since >= QUIET_SECONDS


def _summary(batch: Batch, status: Status) -> list[Notification]:
    restored = _finished(status) - batch.finished
    failed = words.count_failed(status) - batch.failed
    if restored <= 0 and failed <= 0:
        return []
    parts = [f"{words.photos(restored)} restored"] if restored > 0 else []
    if failed > 0:
        parts.append(f"{failed} failed" if parts else f"{words.photos(failed)} failed")
    return [Notification("Facewatch", ", ".join(parts), "error" if failed > 0 else "summary")]


def _troubles(status: Status) -> list[tuple[str, Notification]]:
    return [
        (text, Notification("Facewatch needs attention", words.shortened(text, 200), "error"))
        for text in status.troubles
    ]


def _questions(status: Status) -> list[tuple[str, Notification]]:
    found = []
    for name, download in status.downloads.items():
        state = download.get("state")
        if state == "held":
            text = (
                f"{name} comes under {download.get('licence', 'a licence')}: read and accept it in the menu"
            )
            found.append((f"held {name}", Notification("Facewatch has a question", text, "summary")))
        elif state == "waiting":
            reason = words.shortened(download.get("reason", ""), 160)
            notice = Notification("Facewatch cannot fetch a model", f"{name}: {reason}", "error")
            found.append((f"waiting {name}", notice))
        elif state == "downloading":
            notice = Notification("Facewatch fetches a model", _coming(name, download), "summary")
            found.append((f"downloading {name}", notice))
    return found


def _coming(name: str, download: dict[str, Any]) -> str:
    total = download.get("total_bytes")
    return (
        f"{name} ({words.size(total)}); the photos wait for it"
        if total
        else f"{name}; the photos wait for it"
    )


def _arrivals(before: Status, status: Status) -> list[Notification]:
    if status.pid is None or status.pid != before.pid:
        return []
    here = before.downloads.keys() - status.downloads.keys()
    was = before.downloads
    names = sorted(name for name in here if was[name].get("state") == "downloading")
    return [Notification("Facewatch", f"{name} is here", "detail") for name in names]


def _end(before: Status, status: Status) -> list[Notification]:
    if before.pid is None or status.pid is not None:
        return []
    text = "It is no longer running, and new photos wait; start it again in the menu"
    return [Notification("Facewatch has stopped", text, "error")]


def _finished(status: Status) -> int:
    return status.counts["done"] + status.counts["no_faces"]
