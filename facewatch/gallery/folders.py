"""The folder chooser: the browser names folders only by numbers that it was given."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from facewatch.errors import WrongUse
from facewatch.gallery.context import Body, Json, gallery_of
from facewatch.gallery.index import shown
from facewatch.settings.patterns import is_ignored
from facewatch.system.atomic import translate_write_errors

MOST_LISTED = 2000


class Folders:
    """The folders that the chooser has shown, by number; safe between threads."""

    def __init__(self, home: Path, pictures: Path) -> None:
        self._lock = threading.Lock()
        self._paths: list[Path] = []
        self._numbers: dict[Path, int] = {}
        self.home = self.number_of(home)
        self.pictures = self.number_of(pictures if pictures.is_dir() else home)

    def number_of(self, path: Path) -> int:
        """Return the number of a folder, a new one if it has none."""
        with self._lock:
            if path not in self._numbers:
                self._numbers[path] = len(self._paths)
                self._paths.append(path)
            return self._numbers[path]

    def path_of(self, number: object) -> Path:
        """Return the folder of a number. Raises WrongUse for one that was not given."""
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(self._paths):
            raise WrongUse("choose a folder from the list")
        return self._paths[number]

    def listing(self, number: object) -> dict[str, Any]:
        """Return a folder with the folders in it. Raises WrongUse if it cannot be read."""
        path = self.path_of(number)
        try:
            with os.scandir(path) as entries:
                names = sorted(
                    (it.name for it in entries if not is_ignored(it.name) and it.is_dir()), key=str.casefold
                )
        except OSError as error:
            raise WrongUse(f"{path} cannot be opened: {error.strerror or error}") from error
        inner = [{"number": self.number_of(path / name), "name": shown(name)} for name in names[:MOST_LISTED]]
        above = None if path.parent == path else self.number_of(path.parent)
        return {"number": number, "path": shown(str(path)), "above": above, "folders": inner}

    def make(self, number: object, name: object) -> int:
        """Make a folder in another, and return its number. Raises WrongUse, CannotWrite or DiskFull."""
        path = self.path_of(number)
        plain = isinstance(name, str) and name.isprintable() and not set(name) & set('/\\:*?"<>|')
        if not plain or not str(name).strip() or is_ignored(str(name)):
            raise WrongUse("a folder's name has letters and digits, and does not begin with a dot")
        new = path / str(name).strip()
        with translate_write_errors(new):
            new.mkdir(exist_ok=True)
        return self.number_of(new)


def chooser(request: Request) -> Folders:
    """Return the chooser of the gallery that serves a request."""
    gallery = gallery_of(request)
    with gallery.lock:
        if "folders" not in gallery.jobs:
            gallery.jobs["folders"] = Folders(Path.home(), gallery.places.pictures)
        folders: Folders = gallery.jobs["folders"]
    return folders


def listing(request: Request) -> Response:
    """Return the folders in a folder; without a number, in the pictures folder."""
    known = chooser(request)
    text = request.query_params.get("number", "")
    return Json(known.listing(int(text) if text.isdecimal() else known.pictures))


def make(request: Request, body: Body) -> Response:
    """Make a folder: {"number": of the outer one, "name"}."""
    known = chooser(request)
    return Json(known.listing(known.make(body.get("number"), body.get("name"))))
