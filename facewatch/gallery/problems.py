"""Problems, grouped by cause, with what to do about them."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request as WebRequest
from starlette.responses import FileResponse, Response

from facewatch.errors import FacewatchError
from facewatch.gallery.context import Body, Gallery, Json, gallery_of, page, run_command, said
from facewatch.gallery.index import shown
from facewatch.state.ledger import Job
from facewatch.state.requests import Request, put
from facewatch.state.status import Status

LOG_BYTES = 24_000
REPORT_SECONDS = 120.0
MOST_FAILED = 1000
REMEDIES = {  # the error's class -> what helps beside another try
    "DiskFull": "space",
    "CannotWrite": "folder",
    "CheckpointMissing": "model",
    "BadCheckpoint": "model",
    "NoSuchDevice": "settings",
    "PhotoTooLarge": "settings",
    "Unreadable": "folder",
}
_FIGURES = re.compile(r" ?\([^()]*\d[^()]*\)|\d+ x \d+ pixels ?")
PLACES = {"folder": "folder", "disk": "space", "model": "model", "config": "settings", "device": "settings"}
TRIED_AGAIN = "facewatch tries it again"  # the page says so in words of its own
SCRATCH = ("sheet-*.jpg", "report.zip")  # in the gallery's folder, made again when asked for


def problems(request: WebRequest) -> Response:
    """Show the page of all problems."""
    return page(request, "problems")


def listing(request: WebRequest) -> Response:
    """Return the problems as JSON."""
    gallery = gallery_of(request)
    now = gallery.status()
    failed = _failed(gallery)
    return Json(
        {
            "running": now.pid is not None,
            "troubles": [{**it, "text": said(request, it["text"])} for it in _troubles(gallery, now)],
            "groups": [_group_said(request, group) for group in groups(failed)],
            "log": log_end(gallery.places.log),
            "incidents": [shown(it["what"]) for it in now.incidents[-10:]],
        }
    )


def _group_said(request: WebRequest, group: dict[str, Any]) -> dict[str, Any]:
    """Return a group with what the page shows of it in the browser's language; its cause names it still."""
    photos = [{**photo, "reason": said(request, photo["reason"])} for photo in group["photos"]]
    title, advice = said(request, group["cause"]), said(request, group["advice"])
    return {**group, "title": title, "advice": advice, "photos": photos}


def _failed(gallery: Gallery) -> list[Job]:
    view, roots = gallery.view, [folder.input for folder in gallery.settings().folders] or None
    return [*view.failed(MOST_FAILED, folders=roots), *view.retrying(MOST_FAILED, folders=roots)]


def _troubles(gallery: Gallery, now: Status) -> list[dict[str, str]]:
    texts = list(now.troubles)
    if gallery.store.problem is not None and not any(it.startswith("config: ") for it in texts):
        texts.insert(0, f"config: {gallery.store.problem}")
    for name, download in now.downloads.items():
        if download["state"] in {"held", "waiting"}:
            texts.append(f"model {name}: {download.get('reason') or download.get('sentence') or 'waiting'}")
    return [_trouble(text) for text in texts]


def _trouble(text: str) -> dict[str, str]:
    """Return a trouble with what helps: its place is the word before the colon, and for a model its name."""
    place, _, what = text.partition(":")[0].partition(" ")
    unmounted = place == "disk" and what  # "disk of FOLDER": the text says what to do
    remedy = "" if unmounted else PLACES.get(place, "")
    return {"text": shown(text), "remedy": remedy, "model": shown(what) if remedy == "model" else ""}


def groups(failed: list[Job]) -> list[dict[str, Any]]:
    """Return the failed photos by cause, the most frequent first."""
    found: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for job in failed:
        found[job.error, _cause(job)].append(job)
    return [
        {
            "error": error,
            "cause": shown(cause),
            "advice": shown(_advice(jobs)),
            "remedy": REMEDIES.get(error, ""),
            "count": len(jobs),
            "waiting": sum(job.state == "retry" for job in jobs),
            "photos": [{"id": job.id, "name": shown(job.path.name), "reason": shown(job.reason)}
                       for job in jobs[:200]],
        }
        for (error, cause), jobs in sorted(found.items(), key=lambda it: -len(it[1]))
    ]  # fmt: skip


def _cause(job: Job) -> str:
    """Return a reason without what differs from photo to photo: its path, and figures in brackets."""
    reason = _FIGURES.sub("", job.reason.replace(str(job.path), job.path.suffix or "the file"))
    return reason.split(";")[0].strip()


def _advice(jobs: list[Job]) -> str:
    """Return what the reasons say to do, where all say the same; the photos have their own otherwise."""
    advices = {job.reason.partition("; ")[2].replace(str(job.path), "the file") for job in jobs}
    return advices.pop() if len(advices) == 1 and TRIED_AGAIN not in advices else ""


def log_end(file: Path) -> str:
    """Return the last lines of the log; empty if there is none."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - LOG_BYTES))
            lines = stream.read(LOG_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[1:] if len(lines) > 100 else lines)


def retry(request: WebRequest, body: Body) -> Response:
    """Try failed photos again: {"error": their class}, or all."""
    gallery = gallery_of(request)
    error = body.get("error")
    if error is None:
        put(gallery.places, Request("retry_failed"))
        return Json({"asked": True})
    for job in _failed(gallery):
        if job.error == error and _cause(job) == body.get("cause", _cause(job)):
            put(gallery.places, Request("retry_failed", job.path))
    return Json({"asked": True})


def free_space(request: WebRequest) -> Response:
    """Delete what the gallery keeps only to be quick, and return how many bytes that were."""
    gallery = gallery_of(request)
    freed = gallery.pictures.clear()
    folder = gallery.places.state / "gallery"
    for file in (file for pattern in SCRATCH for file in folder.glob(pattern)):
        freed += file.stat().st_size
        file.unlink()
    return Json({"freed_bytes": freed})


def report(request: WebRequest) -> Response:
    """Make a bug report and return the zip."""
    gallery = gallery_of(request)
    folder = gallery.places.state / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "report.zip"
    file.unlink(missing_ok=True)
    config = str(gallery.places.config)
    run = run_command("report", "-o", str(file), "--config", config, seconds=REPORT_SECONDS)
    if run.returncode:
        raise FacewatchError(run.stderr.strip().removeprefix("facewatch: "))
    name = f"facewatch-report-{datetime.now().astimezone():%Y%m%d-%H%M%S}.zip"
    return FileResponse(file, media_type="application/zip", filename=name)
