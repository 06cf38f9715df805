"""Decisions about a photo; each becomes a request to the daemon."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import Any, get_args

from starlette.requests import Request as WebRequest
from starlette.responses import FileResponse, Response

from facewatch.errors import FacewatchError, WrongUse
from facewatch.gallery.context import Body, Gallery, Json, NotHere, flag, gallery_of, run_command
from facewatch.restoration.options import FaceChoice
from facewatch.settings.schedule import resumed
from facewatch.state.ledger import Job
from facewatch.state.requests import Mark, Request, put
from facewatch.system.processes import facewatch_command

COMPARE_SECONDS = 1800.0  # several models on a slow machine


def redo(request: WebRequest, body: Body) -> Response:
    """Restore a photo again: {"model", "weight", "replace", "seen", "faces": [{"number", "weight", ...}]}.

    The faces are numbered as they were when the page saw the photo; `seen` is its key then.
    """
    gallery = gallery_of(request)
    job = gallery.job(request.path_params["number"])
    if body.get("seen", key_of(job)) != key_of(job):
        raise WrongUse("this photo has changed since the page showed it; look at it again, then apply")
    model, weight = body.get("model"), body.get("weight")
    if model is not None:
        require_model(gallery, model)
    if weight is not None:
        weight = _weight(weight)
    faces = face_choices(job, body.get("faces") or [])
    for face in faces:
        if face.model is not None:
            require_model(gallery, face.model)
    put(
        gallery.places,
        Request("redo", job.path, model, weight, faces=faces or None, replace=flag(body, "replace")),
    )
    gallery.index.expect(job.id)
    return Json({"asked": True})


def key_of(job: Job) -> str:
    """Return what changes whenever a photo in the ledger does."""
    return f"{job.changed:.3f}"


def require_model(gallery: Gallery, name: Any) -> None:
    """Raise WrongUse unless a face model has this name."""
    known = [row.name for row in gallery.model_files().rows() if row.kind == "face"]
    if name not in known:
        raise WrongUse(f"there is no model {name}; known: {', '.join(known)}")


def _weight(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise WrongUse("a weight is a number from 0 to 1")
    return float(value)


def face_choices(job: Job, wanted: Any) -> tuple[FaceChoice, ...]:
    """Return the choices for faces that are named by their number in the photo's report."""
    faces = (job.report or {}).get("faces")
    if not isinstance(wanted, list) or not isinstance(faces, list):
        raise WrongUse("the faces are a list, and the photo has faces")
    found = []
    for one in wanted:
        number = one.get("number") if isinstance(one, dict) else None
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(faces):
            raise WrongUse("this photo has no such face")
        x0, y0, x1, y1 = map(float, faces[number]["box"])
        weight = one.get("weight")
        model = one.get("model")
        if not isinstance(model, str | None):
            raise WrongUse("a model is a name")
        found.append(FaceChoice((x0, y0, x1, y1), None if weight is None else _weight(weight), model))
    return tuple(found)


def mark(request: WebRequest, body: Body) -> Response:
    """Accept, reject or like a copy: {"marks": [...]}."""
    gallery = gallery_of(request)
    job = gallery.job(request.path_params["number"])
    marks = body.get("marks")
    if not isinstance(marks, list) or not all(it in get_args(Mark) for it in marks):
        raise WrongUse(f"the marks are some of {', '.join(get_args(Mark))}")
    put(gallery.places, Request("mark", job.path, marks=tuple(marks)))
    gallery.index.expect(job.id)
    return Json({"asked": True})


def undo(request: WebRequest) -> Response:
    """Take back the last rejection or redo: the earlier copy comes back from the trash."""
    gallery = gallery_of(request)
    job = gallery.job(request.path_params["number"])
    put(gallery.places, Request("undo", job.path))
    gallery.index.expect(job.id)
    return Json({"asked": True})


def retry(request: WebRequest) -> Response:
    """Try a failed photo again."""
    gallery = gallery_of(request)
    job = gallery.job(request.path_params["number"])
    put(gallery.places, Request("retry_failed", job.path))
    gallery.index.expect(job.id)
    return Json({"asked": True})


def pause(request: WebRequest, body: Body) -> Response:
    """Pause or resume: {"paused": true or false}."""
    gallery, paused = gallery_of(request), flag(body, "paused")
    rest = gallery.status().rest
    gallery.store.update({"paused": True} if paused else resumed(gallery.settings(), rest=rest))
    return Json({"paused": paused})


def compare(request: WebRequest, body: Body) -> Response:
    """Make the sheet of all models that are here, for one face: {"face": its number}."""
    gallery = gallery_of(request)
    job = gallery.job(request.path_params["number"])
    number = body.get("face")
    rank = _rank(job, number) if isinstance(number, int) else 1
    files = gallery.model_files()
    models = [
        row.name
        for row in files.rows()
        if row.kind == "face" and files.state(row.name) in {"present", "builtin"}
    ]
    sheet = gallery.places.state / "gallery" / f"sheet-{job.id}.jpg"
    with gallery.lock:
        running = gallery.jobs.get(sheet.name)
        if running is not None and running["state"] == "working":
            return Json({"state": "working"})
        gallery.jobs[sheet.name] = {"state": "working"}
        gallery.busy.add(sheet.name)
    sheet.unlink(missing_ok=True)
    options = ["--models", ",".join(models), "--face", str(rank), "-o", str(sheet)]
    command = ("compare", str(job.path), *options, "--config", str(gallery.places.config))
    threading.Thread(target=_run, args=(gallery, sheet, command), name="compare", daemon=True).start()
    return Json({"state": "working"})


def _rank(job: Job, number: int) -> int:
    """Return the place of a face among the faces of a report by size, as `facewatch compare` counts."""
    faces = (job.report or {}).get("faces") or []
    boxes = [face["box"] for face in faces]
    order = sorted(
        range(len(boxes)), key=lambda it: -(boxes[it][2] - boxes[it][0]) * (boxes[it][3] - boxes[it][1])
    )
    if number not in order:
        raise WrongUse("this photo has no such face")
    return order.index(number) + 1


def _run(gallery: Gallery, sheet: Path, command: tuple[str, ...]) -> None:
    try:
        sheet.parent.mkdir(parents=True, exist_ok=True)
        run = run_command(*command, seconds=COMPARE_SECONDS)
        words = run.stderr.strip().splitlines()
        done = {"state": "done"} if run.returncode == 0 else {"state": "failed", "error": words[-1:]}
    except (OSError, subprocess.TimeoutExpired) as error:
        done = {"state": "failed", "error": [str(error)]}
    with gallery.lock:
        gallery.jobs[sheet.name] = done
        gallery.busy.discard(sheet.name)


def sheet_state(request: WebRequest) -> Response:
    """Return whether the sheet of a photo is ready."""
    name = f"sheet-{request.path_params['number']}.jpg"
    return Json(gallery_of(request).jobs.get(name, {"state": "none"}))


def sheet(request: WebRequest) -> Response:
    """Return the sheet of a photo."""
    gallery = gallery_of(request)
    name = f"sheet-{request.path_params['number']}.jpg"
    if gallery.jobs.get(name, {}).get("state") != "done":
        raise NotHere("the sheet is not ready")
    return FileResponse(gallery.places.state / "gallery" / name, media_type="image/jpeg")


def start_daemon(request: WebRequest) -> Response:
    """Start facewatch in the background."""
    gallery = gallery_of(request)
    if not gallery.settings().folders:
        raise FacewatchError("choose a folder first")
    gallery.launch(facewatch_command("run", "--config", str(gallery.places.config)))
    return Json({"asked": True})
