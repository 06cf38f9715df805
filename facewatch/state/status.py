"""The state of the daemon, read from the ledger and the lock, for `facewatch status` and the tray."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from facewatch.settings.schedule import rest_reason
from facewatch.settings.schema import Settings
from facewatch.state.alerts import INCIDENTS_KEY, parse_incidents
from facewatch.state.instance import running_pid
from facewatch.state.ledger import FINISHED, Job, LedgerView
from facewatch.state.outcomes import Outcome, OutcomeCounter
from facewatch.state.reports import NO_STRANGERS, Strangers, report_summary
from facewatch.system.disk_space import free_bytes
from facewatch.system.durations import format_duration
from facewatch.system.paths import Places
from facewatch.system.text import one_line
from facewatch.system.write_access import write_problem

KINDS_SHOWN = 8
LEDGER_ROOM_BYTES = 50_000  # a photo's next state takes some pages of 4 kB
PART_MISSING = "was deleted while facewatch runs, so what is shown here is old or empty; restart facewatch"
BATCH_KEY = "batch"
"""The fact about the photos worked on in one go: began (wall clock), idle (pausing now), idle_seconds."""
GIVING_WAY_KEY = "giving way"
"""The fact that the GPU is left to other programs: a text, the reason."""
DOWNLOAD_WORDS = {
    "queued": "waiting for download",
    "downloading": "downloading",
    "waiting": "cannot be downloaded",
    "held": "licence approval needed",
    "cancelled": "download cancelled",
}
Mood = Literal["stopped", "paused", "attention", "working", "idle"]


@dataclass(frozen=True)
class Status:
    """A snapshot of the daemon's state."""

    mood: Mood
    pid: int | None
    counts: dict[str, int]  # photos by their state in the ledger
    settling: int  # files found that still have to stay quiet for a while
    current: dict[str, Any] | None  # path; done, total and what once they are known
    engine: dict[str, Any] | None
    downloads: dict[str, dict[str, Any]]  # by model
    troubles: list[str]
    failed: list[dict[str, Any]]
    recent: list[dict[str, Any]]  # finished last: done, without faces, or skipped
    incidents: list[dict[str, Any]] = field(default_factory=list)  # what was resolved and when, oldest first
    progress: dict[str, Any] | None = None  # of this batch: done, total, and seconds_left or None
    outcomes: dict[Outcome, int] = field(default_factory=dict)  # photos by what became of them
    rest: str = ""  # why no photo is started now: "paused", "waiting until 22:00"
    passed_over: dict[str, int] = field(default_factory=dict)  # files that are no photos, by kind
    strangers: Strangers = NO_STRANGERS  # faces that restoration made another person's, in all photos
    notes: tuple[str, ...] = ()  # what is not as the settings say, and needs no attention

    @property
    def waiting(self) -> int:
        """The number of photos still to be restored."""
        return self.counts["queued"] + self.counts["retry"] + self.settling

    @property
    def coming(self) -> int:
        """The number of photos still to be tried: not those that failed and wait for their next try."""
        return self.waiting - self.counts["retry"]

    def as_json(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {**asdict(self), "waiting": self.waiting, "strangers": self.strangers._asdict()}


def read_status(
    places: Places, settings: Settings, *, recent: int = 10, counter: OutcomeCounter | None = None
) -> Status:
    """Return the state of the daemon.

    counter  that of the last call, for a caller that looks again and again

    Raises BadLedger if the ledger cannot be read.
    """
    view = LedgerView(places.ledger)
    pid = running_pid(places)
    part = view.missing_part() if pid else ""  # before the ledger is read, which may create a new log
    facts = view.facts()
    troubles = [f"{place}: {trouble['text']}" for place, trouble in facts.get("troubles", {}).items()]
    watching = facts.get("watching", {}) if pid else {}
    troubles += watching.get("problems", [])
    if part:
        troubles.append(f"ledger: {part} {PART_MISSING}")
    if pid and (unwritable := _unwritable(places.ledger)):
        troubles.append(f"ledger: {unwritable}")
    downloads = facts.get("downloads", {}) if pid else {}
    pending = [name for name, download in downloads.items() if download["state"] in {"held", "waiting"}]
    current = facts.get("current") if pid else None
    # Photos of folders no longer watched would be shown for ever. Without a config all are shown.
    folders = [folder.input for folder in settings.folders] or None
    counts: dict[str, int] = dict(view.counts(folders).items())
    finished = sum(counts[state] for state in FINISHED)
    counter = counter or OutcomeCounter()
    outcomes = counter.count(view, finished, folders)
    rest = (rest_reason(settings) or facts.get(GIVING_WAY_KEY, "")) if pid else ""
    return Status(
        mood=_mood(pid, rest, [*troubles, *pending] if pid else [], current, counts),
        pid=pid,
        counts=counts,
        settling=watching.get("waiting", 0),
        current=current,
        engine=facts.get("engine") if pid else None,
        downloads=downloads,
        troubles=troubles if pid else [],
        failed=[_photo(job) for job in (*view.failed(folders=folders), *view.retrying(folders=folders))],
        recent=_latest(recent, view.recent(recent), view.skips(recent, folders=folders)),
        incidents=parse_incidents(facts.get(INCIDENTS_KEY)),
        passed_over=watching.get("passed_over", {}),
        progress=_progress(view, facts.get(BATCH_KEY) if pid else None, counts, watching.get("waiting", 0)),
        rest=rest,
        outcomes=outcomes,
        strangers=counter.strangers,
    )


def _unwritable(ledger: Path) -> str:
    """Return why the daemon cannot write its ledger, in which it cannot record that; empty if it can."""
    try:
        if problem := write_problem(ledger.parent):
            return problem
        if free_bytes(ledger.parent) < LEDGER_ROOM_BYTES:
            return f"no space left for the ledger {ledger}: free some on that disk"
    except OSError as error:
        return f"{ledger.parent} cannot be looked at: {error.strerror or error}"
    return ""


def _latest(most: int, *groups: list[Job]) -> list[dict[str, Any]]:
    jobs = [job for group in groups for job in group]
    return [_photo(job) for job in sorted(jobs, key=lambda job: job.changed, reverse=True)[:most]]


def headline(status: Status) -> str:
    """Return one line of text: "working: holiday/IMG_2041.jpg (2 of 4 faces), 3 waiting"."""
    if status.mood == "stopped":
        return "facewatch is not running; start it with `facewatch run`"
    parts: list[str] = [status.rest or loading_text(status) or status.mood]
    if status.current:
        parts[0] = f"working: {one_line(status.current['path'])}{_progress_text(status.current)}"
    progress = progress_text(status)
    if progress:
        parts.append(progress)
    else:
        parts += waiting_texts(status)
    parts += [f"{name}: {DOWNLOAD_WORDS[it['state']]}" for name, it in status.downloads.items()]
    if status.troubles:
        count = len(status.troubles)
        parts.append(f"{count} {'needs' if count == 1 else 'need'} attention")
    return ", ".join(parts)


def loading_text(status: Status) -> str:
    """Return "loading builtin" while photos wait for the engine to load its model; else nothing."""
    if status.mood != "working" or status.current or not status.engine:
        return ""
    return f"loading {status.engine['model']}" if status.engine.get("state") == "loading" else ""


def waiting_texts(status: Status) -> list[str]:
    """Return the photos still to be restored: "3 waiting", and "1 will retry" of those that failed once."""
    coming, retried = status.coming, status.counts["retry"]
    return [*([f"{coming} waiting"] if coming else []), *([f"{retried} will retry"] if retried else [])]


def passed_over_text(counts: Mapping[str, int]) -> str:
    """Return a sentence about the files that are no photos, from a count for each kind; empty for none."""
    if not counts:
        return ""
    total = sum(counts.values())
    kinds = [f"{count} {kind}" for kind, count in list(counts.items())[:KINDS_SHOWN]]
    rest = total - sum(list(counts.values())[:KINDS_SHOWN])
    noun = "file" if total == 1 else "files"
    named = ", ".join([*kinds, f"{rest} others"] if rest else kinds)
    return f"{total} {noun} of kinds facewatch does not take: {named}"


def progress_text(status: Status) -> str:
    """Return the progress of a batch: "34 of 120, about 25 minutes"; empty for a single photo."""
    if not status.progress or status.progress["total"] < 2:
        return ""
    left = status.progress["seconds_left"]
    parts = [f"{status.progress['done']} of {status.progress['total']}"]
    return ", ".join([*parts, *([] if left is None else [f"about {format_duration(left)}"])])


def _progress(
    view: LedgerView, batch: dict[str, Any] | None, counts: dict[str, int], settling: int
) -> dict[str, Any] | None:
    """Return how many photos of the present batch are through, of how many, and the seconds left."""
    if batch is None:
        return None
    done = view.ended_since(batch["began"])
    left = settling + sum(counts[state] for state in ("queued", "running", "committing"))
    if left == 0:  # what failed and waits for its next try is no part of the batch
        return None
    working_seconds = max(0.0, time.time() - batch["began"] - batch["idle_seconds"])
    known = done > 0 and not batch["idle"]
    return {
        "done": done,
        "total": done + left,
        "seconds_left": left * working_seconds / done if known else None,
    }


def _progress_text(current: dict[str, Any]) -> str:
    return f" ({current['done']} of {current['total']} {current['what']})" if current.get("total") else ""


def photo_text(photo: Mapping[str, Any]) -> str:
    """Return why a photo failed, or what became of its faces, in today's words.

    photo  one of `failed` or `recent`; a report of an earlier version has its summary in other words
    """
    if photo["state"] not in FINISHED:  # it may have a report, of a copy that could not be published
        return str(photo["reason"])
    return report_summary(photo["report"]) or str(photo["reason"])


def _mood(pid: int | None, rest: str, troubles: list[str], current: object, counts: dict[str, int]) -> Mood:
    if pid is None:
        return "stopped"
    if rest:
        return "paused"
    if troubles:
        return "attention"
    busy = current or any(counts[state] for state in ("queued", "running", "committing"))
    return "working" if busy else "idle"


def _photo(job: Job) -> dict[str, Any]:
    return {
        "path": str(job.path),
        "state": job.state,
        "output": str(job.output) if job.output else None,
        "reason": job.reason or (job.report or {}).get("summary", ""),
        "error": job.error,
        "attempts": job.attempts,
        "report": job.report,
        "changed": job.changed,
    }
