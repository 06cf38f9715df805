"""The first start: folders, model, start at login, and one photo to see that it works."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from facewatch.errors import FacewatchError, WrongUse
from facewatch.gallery.context import Body, Gallery, Json, gallery_of, page
from facewatch.gallery.folders import chooser
from facewatch.gallery.index import encodable, shown
from facewatch.gallery.models import model_rows
from facewatch.gallery.uploads import remember
from facewatch.settings.store import example
from facewatch.system.atomic import translate_write_errors, write_atomically, write_temporary
from facewatch.system.graphics import torch_note
from facewatch.system.publish import publish

FIRST_MODEL = "builtin"  # needs no download and no licence
USUAL = ("gfpgan-1.4", "restoreformer++", "codeformer")  # shown without a click: mild to heavy damage


def welcome(request: Request) -> Response:
    """Show the first steps."""
    gallery = gallery_of(request)
    home = gallery.places.pictures / "Facewatch"
    folders = gallery.settings().folders
    usual = (folders[0].input, folders[0].output) if folders else (home / "Inbox", home / "Restored")
    return page(
        request,
        "welcome",
        input=encodable(str(usual[0])),
        output=encodable(str(usual[1])),
        models=_choices(gallery),
        card=shown(torch_note()),
        first_model=gallery.settings().model if folders else FIRST_MODEL,
        ready=bool(folders),
    )


def _choices(gallery: Gallery) -> list[dict[str, Any]]:
    """Return the face models, those that are here first; `first` are those to choose from at a glance."""
    rows = [row for row in model_rows(gallery) if row["kind"] == "face"]
    here = {"builtin", "present"}
    rows.sort(key=lambda row: row["state"] not in here)
    return [{**row, "first": row["state"] in here or row["name"] in USUAL} for row in rows]


def set_up(request: Request, body: Body) -> Response:
    """Write the first config: {"input", "output": numbers of the chooser, or none for the usual, "model"}."""
    gallery = gallery_of(request)
    home = gallery.places.pictures / "Facewatch"
    known = chooser(request)
    inbox = home / "Inbox" if body.get("input") is None else known.path_of(body["input"])
    output = home / "Restored" if body.get("output") is None else known.path_of(body["output"])
    write_config(gallery, inbox, output, str(body.get("model") or FIRST_MODEL))
    return Json({"saved": True})


def write_config(gallery: Gallery, inbox: Path, output: Path, model: str) -> None:
    """Write a first config, or give an existing one these folders and this model.

    Raises BadSettings, CannotWrite or DiskFull; nothing is changed then.
    """
    store, folder = gallery.store, {"input": str(inbox), "output": str(output)}
    store.parse({"model": model, "folders": [folder]}, "these choices")
    for place in (inbox, output):
        with translate_write_errors(place):
            place.mkdir(parents=True, exist_ok=True)
    if not os.path.exists(gallery.places.config):  # noqa: PTH110 - never raises
        text = example(gallery.places.pictures / "Facewatch", model)
        write_atomically(gallery.places.config, text.encode())
    settings = store.load()
    store.update_folder(0 if settings.folders else None, folder)
    store.update({"model": model})


def try_photo(request: Request) -> Response:
    """Drop the sample photo into the first folder; it comes back as its token for `uploads.ways`."""
    gallery = gallery_of(request)
    folders = gallery.settings().folders
    if not folders:
        raise WrongUse("choose a folder first")
    name, data = gallery.sample()
    temporary = write_temporary(folders[0].input, data)
    digest = hashlib.sha256(data).hexdigest()
    final = publish(temporary, folders[0].input / name, lambda _: None, sha256=digest)
    return Json({"token": remember(gallery, final)})


def no_sample() -> tuple[str, bytes]:
    """Raise FacewatchError: this installation has no photo to try."""
    raise FacewatchError("there is no photo to try facewatch with; drop one of your own")
