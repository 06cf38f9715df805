"""Photos dropped on the page: streamed into a watched folder, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from facewatch.errors import WrongUse
from facewatch.gallery.context import Gallery, Json, gallery_of, said
from facewatch.gallery.index import shown, to_entry
from facewatch.gallery.names import fault_of
from facewatch.restoration.codecs.formats import BY_SUFFIX, SIDECAR_SUFFIXES
from facewatch.settings.schema import Folder
from facewatch.state.ledger import Job, PhotoRow
from facewatch.system.atomic import (
    new_temporary,
    remove_file,
    sync_file,
    translate_write_errors,
)
from facewatch.system.disk_space import require_space
from facewatch.system.publish import publish

LARGEST_BYTES = 2_000_000_000  # of one photo
MOST_PARTS = 32  # of a path below the folder
REMEMBERED = 2000


@dataclass
class Dropped:
    """The files dropped since the gallery started, the latest last."""

    files: dict[str, Path] = field(default_factory=dict)  # by the token that the page got


async def upload(request: Request) -> Response:
    """Take one file: PUT inbox/{folder number}?name=album/a.jpg, its bytes in the body."""
    gallery = gallery_of(request)
    folders = gallery.settings().folders
    number = request.path_params["folder"]
    if number >= len(folders):
        raise WrongUse("this folder is not in the settings any more; load the page again")
    folder = folders[number]
    wanted = place_for(folder, request.query_params.get("name", ""))
    announced = _announced_bytes(request)
    key = f"upload {wanted}"
    gallery.busy.add(key)
    try:
        final = await _receive(request, folder.input, wanted, announced)
    finally:
        gallery.busy.discard(key)
    return Json({"token": remember(gallery, final), "name": shown(str(final.relative_to(folder.input)))})


def place_for(folder: Folder, name: str) -> Path:
    """Return where a dropped file goes; its name may have folders of the drop before it.

    Raises WrongUse for a name that leads out of the folder, is hidden or is no photo's.
    """
    parts = name.split("/")
    if fault := next(filter(None, map(fault_of, parts)), ""):
        raise WrongUse(fault)
    suffix = Path(parts[-1]).suffix.lower()
    if suffix not in BY_SUFFIX and suffix not in SIDECAR_SUFFIXES:
        raise WrongUse("it is no photo by its name: JPEG, PNG, WebP, TIFF, BMP, HEIC and AVIF are taken")
    if len(parts) > MOST_PARTS:
        raise WrongUse(f"its folders are nested too deeply, more than {MOST_PARTS - 1}; drop an inner one")
    below = parts if folder.recursive else parts[-1:]
    return folder.input.joinpath(*below)


def _announced_bytes(request: Request) -> int:
    try:
        announced = int(request.headers.get("content-length", "0"))
    except ValueError:
        announced = 0
    if announced > LARGEST_BYTES:
        raise WrongUse(f"the file is larger than {LARGEST_BYTES // 10**9} GB, more than a photo can be")
    return announced


async def _receive(request: Request, root: Path, wanted: Path, announced: int) -> Path:
    """Write the body into a temporary beside its place, and give it its name once it is whole."""
    descriptor, temporary = await anyio.to_thread.run_sync(_new_file, root, wanted, announced)
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(descriptor, "wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > LARGEST_BYTES:
                    raise WrongUse(f"the file is larger than {LARGEST_BYTES // 10**9} GB")
                digest.update(chunk)
                with translate_write_errors(wanted):
                    file.write(chunk)
            if announced and size != announced:
                raise WrongUse("the file did not arrive whole; drop it again")
            with translate_write_errors(wanted):
                file.flush()
                await anyio.to_thread.run_sync(sync_file, descriptor)
        sha256 = digest.hexdigest()
        return await anyio.to_thread.run_sync(
            lambda: publish(temporary, wanted, lambda _: None, sha256=sha256, output=root)
        )
    except ClientDisconnect as error:
        raise WrongUse("the file did not arrive whole; drop it again") from error
    finally:
        remove_file(temporary)


def _new_file(root: Path, wanted: Path, announced: int) -> tuple[int, Path]:
    with translate_write_errors(wanted):
        if not root.is_dir():  # a missing folder may be an unmounted disk: nothing is written there
            raise WrongUse(f"{root} is not there; connect its disk, or make the folder")
        wanted.parent.mkdir(parents=True, exist_ok=True)
        require_space(wanted.parent, announced)
    return new_temporary(wanted.parent)


def remember(gallery: Gallery, file: Path) -> str:
    """Return a token under which the page asks what became of a file."""
    with gallery.lock:
        dropped = gallery.jobs.setdefault("dropped", Dropped())
        token = str(len(dropped.files))
        dropped.files[token] = file
        return token


def ways(request: Request) -> Response:
    """Return what became of dropped files: ?tokens=0,1,2."""
    gallery = gallery_of(request)
    dropped: Dropped = gallery.jobs.get("dropped", Dropped())
    found = {}
    for token in request.query_params.get("tokens", "").split(",")[:REMEMBERED]:
        if (file := dropped.files.get(token)) is None:
            continue
        job = gallery.view.photo(file)
        found[token] = {"outcome": "arrived", "id": None} if job is None else _way(request, job)
    return Json(found)


def _way(request: Request, job: Job) -> dict[str, object]:
    row = PhotoRow(job.id, b"", b"", job.state, job.error, job.reason, job.report, False, 0, 0)
    return {"outcome": to_entry(row).outcome, "id": job.id, "reason": said(request, job.reason)}
