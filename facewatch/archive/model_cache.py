"""Model files on the machines of a cluster: they travel with the run, and are verified before they load."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from facewatch.archive.types import WorkPlan
from facewatch.errors import BadCheckpoint
from facewatch.system.atomic import (
    PRIVATE_FOLDER,
    make_private_folder,
    translate_write_errors,
    write_atomically,
)
from facewatch.system.opened import sha256_of


def place_models(plan: WorkPlan, models: dict[str, bytes]) -> dict[str, str]:
    """Return the path of each model's file on this machine; a missing one is written from its bytes.

    Raises BadCheckpoint when bytes are not the published ones, CannotWrite or DiskFull.
    """
    return {
        name: str(_place(Path(path), plan.digests[name], models.get(name)))
        for name, path in plan.setup.files.items()
    }


def _place(path: Path, digest: str, data: bytes | None) -> Path:
    if path.is_file() and sha256_of(path, follow=True) == digest:
        return path
    cached = _cache() / digest / path.name
    if cached.is_file() and sha256_of(cached, follow=False) == digest:
        return cached
    if data is None or hashlib.sha256(data).hexdigest() != digest:
        raise BadCheckpoint(
            f"the file of the model {path.name} did not reach this machine whole; start again"
        )
    make_private_folder(cached.parent)
    write_atomically(cached, data)
    return cached


def _cache() -> Path:
    """Return the folder of this machine that keeps model files; only this user can write in it.

    Raises BadCheckpoint if another user has taken its name, CannotWrite or DiskFull.
    """
    user = str(os.getuid()) if hasattr(os, "getuid") else ""
    folder = Path(tempfile.gettempdir()) / f"facewatch-models{user and f'-{user}'}"
    with translate_write_errors(folder):
        folder.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        found = folder.lstat()
    if sys.platform != "win32":
        others = found.st_mode & 0o077
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or others:
            raise BadCheckpoint(
                f"{folder} can be changed by other users, so no model file is kept there; remove it, or set "
                "TMPDIR"
            )
    return folder
