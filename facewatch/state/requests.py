"""Requests from the tray and the commands to a running daemon: small files in a folder."""

from __future__ import annotations

import itertools
import json
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from facewatch.errors import CannotWrite, FacewatchError, WrongUse
from facewatch.models import catalogue
from facewatch.restoration.codecs.formats import BY_SUFFIX
from facewatch.restoration.options import FaceChoice
from facewatch.settings.patterns import is_ignored
from facewatch.system.atomic import make_private_folder, remove_file, retry_while_busy, write_atomically
from facewatch.system.canonical import as_walked, path_within
from facewatch.system.paths import Places, require_photo

log = logging.getLogger(__name__)

Kind = Literal["redo", "retry_failed", "quit", "download_now", "download_cancel", "mark", "undo", "preview"]
Mark = Literal["accepted", "rejected", "favourite"]
REJECTED: Mark = "rejected"
FAVOURITE: Mark = "favourite"
MOST_FACES = 400  # chosen in one photo; as many fit into a request
LARGEST_BYTES = 64 * 1024  # a request is a few hundred bytes; a larger file is not one
BAD_SUFFIX = ".bad"
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Request:
    """One request; fields that its kind does not use are None.

    redo             restore `path` again, with `model` or `weight` (0-1) instead of the settings' own, and
                     `faces` as the user decided; `replace`: the earlier copy then goes to the trash
    mark             note what the user thinks of the copy of `path`; a rejected one goes to the trash
    undo             take back the last redo or rejection of `path`: its earlier copy is the copy again
    preview          draw the one face of `faces` with `model` and some weights, into the file named `preview`
    retry_failed     queue all failed photos, or only the one at `path`
    quit             end the daemon whose process id is `pid`, and no later one
    download_now     download `model` at once, which waits for its next try or was cancelled; without a
                     name all that wait
    download_cancel  stop the download of `model`
    """

    kind: Kind
    path: Path | None = None
    model: str | None = None
    weight: float | None = None
    pid: int | None = None
    faces: tuple[FaceChoice, ...] | None = None
    replace: bool | None = None
    marks: tuple[Mark, ...] | None = None
    preview: str | None = None


def preview_weights(model: str) -> tuple[float, ...]:
    """Return the weights of a preview; between them, and for a model that blends, pictures are mixed."""
    row = catalogue.BY_NAME.get(model)
    if row is not None and row.takes_weight:
        return 0.0, 0.25, 0.5, 0.75, 1.0
    if row is not None and row.makes_up_people:  # what is drawn is what the gate has seen
        return 0.0, 0.25, 0.5, 0.65, 0.8, 0.9
    return (0.0,)


def put(places: Places, request: Request) -> Path:
    """Write a request for the daemon, whole or not at all, and return its file.

    Raises CannotWrite or DiskFull.
    """
    make_private_folder(places.requests)
    fields = {name: value for name, value in vars(request).items() if value is not None}
    if request.path is not None:
        fields["path"] = str(request.path)
    if request.faces is not None:
        fields["faces"] = [face.to_json() for face in request.faces]
    # The clock of Windows moves in steps of 16 ms: the number keeps the order of this process' requests.
    file = places.requests / f"{time.time_ns():020d}-{next(_NUMBERS):06d}-{secrets.token_hex(4)}.json"
    write_atomically(file, json.dumps(fields).encode())
    return file


def watched_photo(path: Path, roots: Iterable[Path]) -> tuple[Path, Path]:
    """Return the watched folder that a photo lies in, and the photo's path below that folder.

    path   absolute; may lead through links and `..`
    roots  the watched folders, absolute

    Raises WrongUse if `path` is no photo in one of them.
    """
    require_photo(path, path)
    if is_ignored(path.name) or path.suffix.lower() not in BY_SUFFIX:
        raise WrongUse(
            f"{path} is no photo by its name; name a JPEG, PNG, WebP, TIFF, BMP, HEIC or AVIF file that is "
            "not hidden"
        )
    # The likely one first: the others, which may lie on a share that hangs, are then rarely looked at.
    likely = sorted(roots, key=lambda root: (path.is_relative_to(root), len(root.parts)), reverse=True)
    for root in likely:
        if path_within(path.parent, root) is not None:  # the parent: a photo that is a link keeps its place
            return root, (as_walked(path.parent, root) or root) / path.name
    raise WrongUse(f"{path} lies in no watched folder: use `facewatch restore`")


def take_requests(places: Places, pid: int, act: Callable[[Request], None], handled: set[Path]) -> None:
    """Act on each waiting request, the oldest first, and remove it.

    pid      the daemon's own process id: a request to quit that was meant for an earlier daemon is dropped
    handled  files that could not be removed, which are skipped; gets new ones added

    A request that fails stays for the next call and does not hold up the others. A file that is no request
    is set aside as `*.bad`, and the log says why.

    Raises the first failure, after all requests were tried.
    """
    first: FacewatchError | None = None
    for file in sorted(places.requests.glob("*.json")):
        try:
            if file not in handled:
                _take(file, pid, act, handled)
        except FacewatchError as error:
            first = first or error
    if first is not None:
        raise first


def _take(file: Path, pid: int, act: Callable[[Request], None], handled: set[Path]) -> None:
    try:
        request = _read(file)
    except FileNotFoundError:
        return  # withdrawn meanwhile
    except (OSError, ValueError, RecursionError) as error:
        _set_aside(file, error)
        return
    if request.kind == "quit" and request.pid != pid:
        log.info("a request to quit was meant for another process (%s)", request.pid)
    else:
        act(request)
    if not remove_file(file):
        handled.add(file)


def _read(file: Path) -> Request:
    if file.is_symlink() or not file.is_file():
        raise ValueError("it is not a plain file")
    if file.stat().st_size > LARGEST_BYTES:
        raise ValueError(f"it is larger than {LARGEST_BYTES} bytes")
    return parse(json.loads(retry_while_busy(lambda: file.read_text("utf-8"))))


def parse(data: Any) -> Request:
    """Return the request in JSON data.

    Raises ValueError, which says what is wrong.
    """
    if not isinstance(data, dict) or data.get("kind") not in get_args(Kind):
        raise ValueError(f"its kind is not one of {', '.join(get_args(Kind))}")
    unknown = data.keys() - Request.__dataclass_fields__.keys()
    if unknown:
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
    path, model, weight, pid = (data.get(name) for name in ("path", "model", "weight", "pid"))
    if data["kind"] in {"redo", "undo", "preview"} and not (
        isinstance(path, str) and Path(path).is_absolute()
    ):
        raise ValueError(f"a request to {data['kind']} needs the absolute path of a photo")
    if data["kind"] == "preview" and not re.fullmatch("[0-9a-f]{16}", str(data.get("preview"))):
        raise ValueError("a preview needs a name of 16 hexadecimal digits")
    if data["kind"].startswith("download_") and not isinstance(model, str):
        raise ValueError("the name of the model is missing")
    if not isinstance(model, str | None) or not isinstance(pid, int | None):
        raise ValueError("the model is not a name, or the process id not a number")  # noqa: TRY004 - one error for all
    if weight is not None and not _is_weight(weight):
        raise ValueError("the weight is not a number from 0 to 1")
    return Request(
        data["kind"],
        Path(path) if isinstance(path, str) else None,
        model,
        None if weight is None else float(weight),
        pid,
        None if data.get("faces") is None else parse_faces(data["faces"]),
        None if data.get("replace") is None else data["replace"] is True,
        _parse_marks(data),
        data.get("preview") if data["kind"] == "preview" else None,
    )


def parse_faces(data: Any) -> tuple[FaceChoice, ...]:
    """Return the choices in JSON data: a list of {"box": four numbers, "weight": 0 to 1, or null, "model"}.

    The model is a name; it may be left out, and is the photo's then.

    Raises ValueError, which says what is wrong.
    """
    if not isinstance(data, list) or len(data) > MOST_FACES or not all(map(_is_choice, data)):
        raise ValueError("the faces are not a list of boxes, each with a weight from 0 to 1")
    return tuple(FaceChoice(_to_box(face["box"]), face["weight"], face.get("model")) for face in data)


def _to_box(numbers: Any) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = map(float, numbers)
    return x0, y0, x1, y1


def _is_choice(face: Any) -> bool:
    if not isinstance(face, dict) or face.keys() - {"model"} != {"box", "weight"}:
        return False
    if not isinstance(face.get("model"), str | None):
        return False
    if face["weight"] is not None and not _is_weight(face["weight"]):
        return False
    box = face["box"]
    return isinstance(box, list | tuple) and len(box) == 4 and all(map(_is_number, box))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e7


def _is_weight(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _parse_marks(data: dict[str, Any]) -> tuple[Mark, ...] | None:
    if data["kind"] != "mark":
        return None
    marks, path = data.get("marks"), data.get("path")
    if not isinstance(marks, list) or not all(mark in get_args(Mark) for mark in marks):
        raise ValueError(f"the marks are not a list of {', '.join(get_args(Mark))}")
    if not (isinstance(path, str) and Path(path).is_absolute()):
        raise ValueError("a mark needs the absolute path of a photo")
    return tuple(dict.fromkeys(marks))


def _set_aside(file: Path, reason: Exception) -> None:
    log.warning("%s is not a request and is set aside: %s", file, reason)
    try:
        retry_while_busy(lambda: file.replace(file.with_name(file.name + BAD_SUFFIX)))
    except OSError as error:
        raise CannotWrite(
            f"{file} is not a request and cannot be set aside: {error.strerror}; remove it"
        ) from error
