"""The list of photos, one photo, and its pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from facewatch.errors import BadPhoto, WrongUse
from facewatch.gallery.context import Gallery, Json, NotHere, gallery_of, page, real_path, said
from facewatch.gallery.index import Entry, Filter, shown, to_entry
from facewatch.gallery.pictures import Kind
from facewatch.models import catalogue
from facewatch.state.ledger import Job, PhotoRow
from facewatch.state.reports import NO_FACES, report_summary
from facewatch.state.requests import REJECTED
from facewatch.state.status import headline

LARGEST_PAGE = 500  # photos in one answer
SAME_FACE = 0.5  # overlap of a chosen face's box and a reported one's, as the engine matches them
KEEP = "private, max-age=86400"  # a picture's address changes with its file


def grid(request: Request) -> Response:
    """Show the page of all photos, or the first steps where nothing is set up."""
    gallery = gallery_of(request)
    if not gallery.settings().folders:
        return Response(status_code=303, headers={"location": f"{gallery.prefix}/welcome"})
    return page(request, "photos", folders=[shown(str(it)) for it in _inputs(gallery)])


def _inputs(gallery: Gallery) -> list[Path]:
    return [folder.input for folder in gallery.settings().folders]


def photo(request: Request) -> Response:
    """Show the page of one photo."""
    job = gallery_of(request).job(request.path_params["number"])
    return page(request, "photo", number=job.id, name=shown(job.path.name))


def filter_of(values: Mapping[str, str]) -> Filter:
    """Return the filter in the query of an address. Raises WrongUse for numbers that are none."""
    try:
        since, until = float(values.get("since") or 0), float(values.get("until") or "inf")
    except ValueError as error:
        raise WrongUse("since and until are numbers of seconds") from error
    return Filter(
        values.get("outcome", ""), values.get("folder", ""), values.get("text", "")[:200], since, until
    )


def _number(values: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(values.get(name) or default)
    except ValueError as error:
        raise WrongUse(f"{name} is a whole number") from error


def photos(request: Request) -> Response:
    """Return a part of the filtered list as JSON."""
    gallery = gallery_of(request)
    wanted = filter_of(request.query_params)
    first = max(0, _number(request.query_params, "first", 0))
    count = min(LARGEST_PAGE, max(0, _number(request.query_params, "count", 100)))
    version = gallery.index.version
    if wanted == Filter():
        total, entries = gallery.index.page(first, count)
    else:
        gallery.index.refresh()
        found = gallery.index.photos(wanted)
        total, entries = len(found), found[first : first + count]
    rows = [{**_row(entry), "reason": said(request, entry.reason)} for entry in entries]
    return Json({"total": total, "first": first, "photos": rows, "version": version})


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "marks": entry.marks,
        "key": f"{entry.changed:.3f}",
    }


def around(request: Request) -> Response:
    """Return the photos before and after one in the filtered list."""
    gallery, number = gallery_of(request), request.path_params["number"]
    gallery.index.refresh()
    ids = [entry.id for entry in gallery.index.photos(filter_of(request.query_params))]
    if number not in ids:  # the filter does not take it any more, such as after a retry
        at = sum(other > number for other in ids)
        before, after = ids[at - 1] if at else None, ids[at] if at < len(ids) else None
    else:
        at = ids.index(number)
        before, after = ids[at - 1] if at else None, ids[at + 1] if at + 1 < len(ids) else None
    return Json({"place": at + 1, "total": len(ids), "before": before, "after": after})


def status(request: Request) -> Response:
    """Return what the daemon does, for every page."""
    gallery = gallery_of(request)
    gallery.index.refresh(wait=False)
    now = gallery.status()
    problems = len(now.troubles) + now.outcomes.get("failed", 0) + (gallery.store.problem is not None)
    return Json(
        {
            "mood": now.mood,
            "headline": shown(headline(now)),
            "current": shown(Path(now.current["path"]).name) if now.current else None,
            "progress": now.progress,
            "waiting": now.coming,
            "rest": now.rest,
            "problems": problems,
            "counts": gallery.index.counts(),
            "folders": gallery.index.folders(),
            "version": gallery.index.version,
            "time": time.time(),
        }
    )


def details(request: Request) -> Response:
    """Return one photo as JSON."""
    gallery = gallery_of(request)
    found = describe(gallery, gallery.job(request.path_params["number"]))
    return Json({**found, **{name: said(request, found[name]) for name in ("summary", "reason")}})


def describe(gallery: Gallery, job: Job) -> dict[str, Any]:
    """Return what the page of a photo shows."""
    report = job.report or {}
    row = PhotoRow(
        job.id,
        os.fsencode(job.path),
        os.fsencode(job.folder),
        job.state,
        job.error,
        job.reason,
        job.report,
        job.output is not None,
        job.added,
        job.changed,
    )
    entry = to_entry(row)
    model = report.get("model")
    settings = gallery.settings()
    return {
        **_row(entry),
        "folder": shown(str(job.path.parent)),
        "summary": job.reason or report_summary(job.report),
        "copy": shown(job.output.name) if job.output and real_path(job.output) else None,
        "original": real_path(job.path),
        "model": model,
        "weight": report.get("weight"),
        "blend": _is_blend(model),
        "detector": report.get("detector"),
        "seconds": report.get("seconds"),
        "lost": report.get("lost", []),
        "left_alone": bool(report.get("left_alone")),
        "faces": faces_of(report),
        "models": _models(gallery),
        "default_model": settings.model,
        "undo": _undo_of(report),
    }


def _undo_of(report: Mapping[str, Any]) -> str:
    """Return what can be undone: "rejection", "redo", or nothing."""
    if REJECTED in report.get("marks", ()):
        return "rejection" if report.get("rejected") else ""
    return "redo" if report.get("earlier") else ""


def _is_blend(model: str | None) -> bool:
    """Return True if the model's weight blends the original in, so that the page can show every weight."""
    row = catalogue.BY_NAME.get(model or "")
    return row is not None and _blends(row)


def _blends(row: catalogue.Model) -> bool:
    """Return True if the page may mix any weight itself; faces of made-up people pass the gate first."""
    return not (row.takes_weight or row.makes_up_people)


def _models(gallery: Gallery) -> list[dict[str, Any]]:
    files = gallery.model_files()
    return [
        {
            "name": row.name,
            "here": files.state(row.name) in {"present", "builtin"},
            "default_weight": row.default_weight,
            "blend": _blends(row),
        }
        for row in files.rows()
        if row.kind == "face"
    ]


def faces_of(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the faces of a report, each with its number in it; detections that are no faces are left out."""
    faces = report.get("faces")
    choices = report.get("choices", ())
    found = []
    for number, face in enumerate(faces if isinstance(faces, list) else ()):
        if face.get("reason") in NO_FACES:
            continue
        box = [float(side) for side in face["box"]]
        nearest = max(choices, key=lambda it: _overlap(it["box"], box), default=None)
        choice = nearest if nearest and _overlap(nearest["box"], box) >= SAME_FACE else None
        found.append(
            {
                "number": number,
                "box": box,
                "restored": face.get("fate") != "kept",
                "reason": face.get("reason", ""),
                "score": face.get("score"),
                "made": face.get("weight"),
                "identity": face.get("identity"),
                "chosen": choice is not None,
                "weight": report.get("weight") if choice is None else choice["weight"],
                "model": face.get("model") or (choice or {}).get("model") or report.get("model"),
            }
        )
    return sorted(found, key=lambda face: face["box"][0])


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the intersection of two boxes over their union, 0-1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    inner = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return inner / (areas - inner) if areas > inner else 0.0


def picture(request: Request) -> Response:
    """Return the picture of a photo: its thumbnail, its original or its copy."""
    gallery = gallery_of(request)
    job, which = gallery.job(request.path_params["number"]), request.path_params["which"]
    if which not in {"thumbnail", "before", "after"}:
        raise NotHere("there is no such picture")
    kind: Kind = "thumbnail" if which == "thumbnail" else "view"
    source = job.path if which == "before" else job.output
    if which == "thumbnail" and (job.output is None or not real_path(job.output)):
        source = job.path
    if source is None:
        raise NotHere("this photo has no copy")
    try:
        file, media_type = gallery.pictures.find(source, kind)
    except OSError as error:
        raise NotHere(f"{source.name} cannot be read: {error.strerror or error}") from error
    except BadPhoto as error:
        raise NotHere(str(error)) from error
    return FileResponse(file, media_type=media_type, headers={"cache-control": KEEP})
