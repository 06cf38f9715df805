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
from facewatch.gallery.forms import FILES
from facewatch.gallery.index import encodable, shown
from facewatch.settings.patterns import is_ignored
from facewatch.system.atomic import translate_write_errors

MOST_LISTED = 2000
DIGITS = 19  # more than any number has


class Folders:
    """The folders and files that the chooser has shown, by number; safe between threads."""

    def __init__(self, home: Path, pictures: Path) -> None:
        self._lock = threading.Lock()
        self._paths: list[Path] = []
        self._numbers: dict[Path, int] = {}
        self._files: set[int] = set()  # numbers of files
        self.home = self.number_of(home)
        self.pictures = self.number_of(pictures if pictures.is_dir() else home)

    def number_of(self, path: Path, *, file: bool = False) -> int:
        """Return the number of a folder, or of a file, a new one if it has none."""
        with self._lock:
            if path not in self._numbers:
                self._numbers[path] = len(self._paths)
                self._paths.append(path)
            if file:
                self._files.add(self._numbers[path])
            return self._numbers[path]

    def path_of(self, number: object, *, file: bool = False) -> Path:
        """Return the folder, or the file, of a number. Raises WrongUse for one that was not given."""
        known = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(self._paths)
        if not known or not isinstance(number, int) or file != (number in self._files):
            raise WrongUse(f"choose a {'file' if file else 'folder'} from the list")
        return self._paths[number]

    def listing(self, number: object, ends: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return a folder with the folders in it, and the files with one of these ends.

        Raises WrongUse if it cannot be read.
        """
        path = self.path_of(number)
        try:
            with os.scandir(path) as entries:
                seen = [(it.name, it.is_dir()) for it in entries if not is_ignored(it.name)]
        except OSError as error:
            raise WrongUse(f"{path} cannot be opened: {error.strerror or error}") from error
        seen.sort(key=lambda it: it[0].casefold())
        folders = [name for name, is_folder in seen if is_folder]
        files = [name for name, is_folder in seen if not is_folder and name.lower().endswith(ends or ("\0",))]
        return {
            "number": number,
            "path": encodable(str(path)),
            "above": None if path.parent == path else self.number_of(path.parent),
            "folders": self._rows(path, folders, file=False),
            "files": self._rows(path, files, file=True),
        }

    def _rows(self, path: Path, names: list[str], *, file: bool) -> list[dict[str, Any]]:
        return [
            {"number": self.number_of(path / name, file=file), "name": shown(name)}
            for name in names[:MOST_LISTED]
        ]

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
    """Return the folders in a folder, and the files that a setting may name: ?number=3&files=KEY.

    Without a number, those in the pictures folder.
    """
    known = chooser(request)
    text = request.query_params.get("number", "")
    ends = FILES.get(request.query_params.get("files", ""), ())
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < DIGITS else known.pictures
    return Json(known.listing(number, ends))


def make(request: Request, body: Body) -> Response:
    """Make a folder: {"number": of the outer one, "name"}."""
    known = chooser(request)
    return Json(known.listing(known.make(body.get("number"), body.get("name"))))
