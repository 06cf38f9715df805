"""Previews of one face with another model: asked of the daemon, which answers with a picture."""

from __future__ import annotations

import json
import re
import secrets
import time
from pathlib import Path

from starlette.requests import Request as WebRequest
from starlette.responses import FileResponse, Response

from facewatch.errors import WrongUse
from facewatch.gallery.context import Body, Gallery, Json, NotHere, gallery_of
from facewatch.gallery.decisions import face_choices, require_model
from facewatch.gallery.index import shown
from facewatch.state.requests import Request, preview_weights, put

KEPT_SECONDS = 600.0  # a page asks for what it shows again after that
NAME = re.compile("[0-9a-f]{16}")


def ask(request: WebRequest, body: Body) -> Response:
    """Ask for a preview: {"face": its number, "model"}; the answer names it and the weights from above."""
    gallery = gallery_of(request)
    job = gallery.job(request.path_params["number"])
    model = body.get("model")
    require_model(gallery, model)
    if gallery.model_files().state(str(model)) not in {"present", "builtin"}:
        raise WrongUse(f"{model} is not downloaded yet")
    faces = face_choices(job, [{"number": body.get("face"), "weight": 0}])
    remove_old(gallery.places.previews)
    name = secrets.token_hex(8)
    put(gallery.places, Request("preview", job.path, str(model), faces=faces, preview=name))
    return Json({"name": name, "weights": preview_weights(str(model))})


def state(request: WebRequest) -> Response:
    """Return "working", "failed" with the error, or "done" with the verdicts on the face by weight."""
    place = _place(gallery_of(request), request.path_params["name"])
    try:
        said = json.loads(place.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):  # not there, or not whole yet
        return Json({"state": "working"})
    if said["error"]:
        return Json({"state": "failed", "error": shown(str(said["error"]))})
    if not place.with_suffix(".jpg").is_file():
        return Json({"state": "working"})
    return Json({"state": "done", "judged": said["judged"], "protects": said["protects"]})


def picture(request: WebRequest) -> Response:
    """Return the picture: squares below each other, the original first, then one for each weight."""
    file = _place(gallery_of(request), request.path_params["name"]).with_suffix(".jpg")
    if not file.is_file():
        raise NotHere("this preview is gone; move the slider for a new one")
    return FileResponse(file, media_type="image/jpeg")


def _place(gallery: Gallery, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise NotHere("there is no such preview")
    return gallery.places.previews / name


def remove_old(folder: Path, kept_seconds: float = KEPT_SECONDS) -> None:
    """Remove the previews that no page shows any more; a folder that is not there has none."""
    for file in folder.glob("*"):
        try:
            if time.time() - file.stat().st_mtime >= kept_seconds:
                file.unlink()
        except FileNotFoundError:
            continue  # another page was quicker
