"""The models: what each is for, its licence and size; download, check and remove them."""

from __future__ import annotations

import threading
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from facewatch.errors import BadCheckpoint, FacewatchError
from facewatch.gallery.context import Gallery, Json, gallery_of
from facewatch.gallery.index import shown
from facewatch.models.catalogue import Model, page_of
from facewatch.models.files import ModelFiles, Progress

KINDS = ("face", "detector", "parser", "upscaler", "identity", "part")  # as they are listed


def models(request: Request) -> Response:
    """Return all models."""
    gallery = gallery_of(request)
    rows = model_rows(gallery)
    used = sum(row["size_bytes"] or 0 for row in rows if row["state"] == "present")
    return Json({"models": rows, "used_bytes": used, "folder": shown(str(gallery.model_files().folder))})


def model_rows(gallery: Gallery) -> list[dict[str, Any]]:
    """Return each model with the state of its file and of its download."""
    files, chosen = gallery.model_files(), gallery.settings().model
    return [{**_row(files, row), **gallery.jobs.get(_key(row.name), {}), "chosen": row.name == chosen}
            for row in sorted(files.rows(), key=lambda row: KINDS.index(row.kind))]  # fmt: skip


def _row(files: ModelFiles, row: Model) -> dict[str, Any]:
    problem = ""
    size = row.checkpoint.size_bytes if row.checkpoint else None
    try:
        check = files.look(row.name)
        state, size = check.state, check.size_bytes or size
    except BadCheckpoint as error:
        state, problem = "corrupt", str(error)
    licence = row.checkpoint.licence if row.checkpoint else None
    return {
        "name": row.name,
        "kind": row.kind,
        "about": row.about,
        "state": state,
        "problem": shown(problem),
        "size_bytes": size,
        "licence": licence.name if licence else "",
        "sentence": licence.sentence if licence else "",
        "terms_url": licence.terms_url if licence else "",
        "page": page_of(row.name),
        "question": files.licence_question(row.name) is not None,
        "own": files.is_own(row.name),
        "download": None,
        "error": "",
    }


def _key(name: str) -> str:
    return f"model {name}"


def accept(request: Request) -> Response:
    """Accept the licence of a model."""
    gallery_of(request).model_files().accept(request.path_params["name"])
    return Json({"accepted": True})


def download(request: Request) -> Response:
    """Start the download of a model; its row shows the progress."""
    gallery, name = gallery_of(request), request.path_params["name"]
    files = gallery.model_files()
    files.row(name)
    stop = threading.Event()
    with gallery.lock:
        if _key(name) in gallery.busy:
            return Json({"started": True})
        gallery.busy.add(_key(name))
        gallery.jobs[_key(name)] = {"download": {"done_bytes": 0, "total_bytes": None}, "error": ""}
        gallery.jobs[f"stop {name}"] = stop
    arguments = (gallery, files, name, stop)
    threading.Thread(target=_fetch, args=arguments, name="download", daemon=True).start()
    return Json({"started": True})


def _fetch(gallery: Gallery, files: ModelFiles, name: str, stop: threading.Event) -> None:
    def show(progress: Progress) -> None:
        download = {
            "done_bytes": progress.done_bytes,
            "total_bytes": progress.total_bytes,
            "bytes_per_second": progress.bytes_per_second,
            "seconds_left": progress.seconds_left,
        }
        gallery.jobs[_key(name)] = {"download": download, "error": ""}

    error = ""
    try:
        files.fetch(name, show, stop)
    except FacewatchError as failure:
        error = "" if stop.is_set() else str(failure)
    finally:
        with gallery.lock:
            gallery.jobs[_key(name)] = {"download": None, "error": shown(error)}
            gallery.busy.discard(_key(name))


def cancel(request: Request) -> Response:
    """Stop a download; what has arrived is kept for the next."""
    stop = gallery_of(request).jobs.get(f"stop {request.path_params['name']}")
    if isinstance(stop, threading.Event):
        stop.set()
    return Json({"stopped": True})


def verify(request: Request) -> Response:
    """Read a model's file again and compare it with its published digest."""
    check = gallery_of(request).model_files().verify(request.path_params["name"])
    return Json({"state": check.state})


def remove(request: Request) -> Response:
    """Delete a model's file."""
    gallery_of(request).model_files().remove(request.path_params["name"])
    return Json({"removed": True})
