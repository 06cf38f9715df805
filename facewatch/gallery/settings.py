"""The settings page: the form, the watched folders, and start at login."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from facewatch.errors import FacewatchError, WrongUse
from facewatch.gallery.context import Body, Gallery, Json, flag, gallery_of, page
from facewatch.gallery.folders import chooser
from facewatch.gallery.forms import Field, sections, to_value
from facewatch.gallery.index import encodable, shown
from facewatch.gallery.models import model_rows
from facewatch.settings.schema import Folder
from facewatch.system.graphics import torch_note

FOLDER_KEYS = {"input", "output", "recursive", "include", "exclude", "model", "weight"}


def settings(request: Request) -> Response:
    """Show the page of all settings."""
    gallery = gallery_of(request)
    now, files = gallery.settings(), gallery.model_files()
    faces = [row for row in files.rows() if row.kind == "face"]
    return page(
        request,
        "settings",
        sections=sections(now, files),
        folders=[folder_row(number, folder) for number, folder in enumerate(now.folders)],
        models=model_rows(gallery),
        card=shown(torch_note()),
        weights=[{"name": row.name, "value": now.weight_of(row.name)} for row in faces],
        login=_login_state(gallery),
        problem=str(gallery.store.problem or ""),
        file=shown(str(gallery.places.config)),
    )


def folder_row(number: int, folder: Folder) -> dict[str, Any]:
    """Return a watched folder for the page."""
    return {
        "number": number,
        "input": encodable(str(folder.input)),  # in a field, from where it comes back
        "output": encodable(str(folder.output)),
        "recursive": folder.recursive,
        "include": ", ".join(folder.include),
        "exclude": ", ".join(folder.exclude),
        "model": folder.model,
        "weight": folder.weight,
    }


def _login_state(gallery: Gallery) -> str:
    try:
        return gallery.login.state()
    except FacewatchError as error:
        return str(error)


def change(request: Request, body: Body) -> Response:
    """Change one setting, or with "check" only look whether it could be: {"key", "value", "check"}."""
    gallery = gallery_of(request)
    key, given = body.get("key"), body.get("value")
    changes = {key: _value(request, key, given)} if isinstance(key, str) else {}
    if not changes:
        raise WrongUse("which setting?")
    if flag(body, "check"):
        _check(gallery, changes)
        return Json({"valid": True})
    gallery.store.update(changes)
    return Json({"saved": True})


def _value(request: Request, key: str, given: Any) -> Any:
    gallery = gallery_of(request)
    if key.startswith("weights."):
        return _number(given)
    field = _field_of(gallery, key)
    if field.kind in {"folder", "file"}:
        return None if given is None else str(chooser(request).path_of(given, file=field.kind == "file"))
    return to_value(field, given)


def _number(given: Any) -> Any:
    """Return what a form sends for a number; None where it is empty."""
    if given is None or given == "":
        return None
    try:
        return float(given)
    except (TypeError, ValueError):
        return given  # the schema says what is wrong with it


def _field_of(gallery: Gallery, key: str) -> Field:
    for section in sections(gallery.settings(), gallery.model_files()):
        for field in section.fields:
            if field.key == key:
                return field
    raise WrongUse(f"{key} cannot be changed here")


def _check(gallery: Gallery, changes: Mapping[str, Any]) -> None:
    """Raise BadSettings if the config with these changes would be wrong."""
    raw: dict[str, Any] = gallery.settings().model_dump(mode="json", exclude_unset=True)
    for key, value in changes.items():
        table, _, name = key.rpartition(".")
        place = raw.setdefault(table, {}) if table else raw
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    gallery.store.parse(raw, "this value")


def login(request: Request, body: Body) -> Response:
    """Turn start at login on or off: {"enabled"}."""
    gallery = gallery_of(request)
    if flag(body, "enabled"):
        gallery.login.enable()
    else:
        gallery.login.disable()
    return Json({"state": _login_state(gallery)})


def add_folder(request: Request, body: Body) -> Response:
    """Watch another folder."""
    gallery, values = gallery_of(request), _folder_values(request, body)
    if not {"input", "output"} <= values.keys():
        raise WrongUse("choose the folder to watch and the folder for the copies")
    gallery.store.update_folder(None, values)
    return Json({"saved": True})


def change_folder(request: Request, body: Body) -> Response:
    """Change a watched folder."""
    gallery, values = gallery_of(request), _folder_values(request, body)
    gallery.store.update_folder(request.path_params["folder"], values)
    return Json({"saved": True})


def remove_folder(request: Request) -> Response:
    """Stop watching a folder; its photos and copies stay."""
    gallery_of(request).store.update_folder(request.path_params["folder"], None)
    return Json({"saved": True})


def _folder_values(request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config's values of a folder; folders come as numbers of the chooser."""
    unknown = body.keys() - FOLDER_KEYS
    if unknown:
        raise WrongUse(f"unknown: {', '.join(sorted(unknown))}")
    values: dict[str, Any] = {}
    for key, given in body.items():
        if key in {"input", "output"}:
            path: Path = chooser(request).path_of(given)
            values[key] = str(path)
        elif key in {"include", "exclude"}:
            if not isinstance(given, str) or not given.isprintable():
                raise WrongUse(f"{key} is a text: names or patterns with commas between them")
            values[key] = [part.strip() for part in given.split(",") if part.strip()]
        elif key == "weight":
            values[key] = _number(given)
        elif key == "recursive":
            values[key] = flag(body, key)
        else:
            values[key] = None if given == "" else given
    return values


def form_json(request: Request) -> Response:
    """Return the form as data, for programs and tests."""
    gallery = gallery_of(request)
    return Json([asdict(section) for section in sections(gallery.settings(), gallery.model_files())])
