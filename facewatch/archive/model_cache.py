"""Model files on the machines of a cluster: they travel with the run, and are verified before they load."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from facewatch.archive.types import WorkPlan
from facewatch.errors import BadCheckpoint
from facewatch.system.atomic import make_private_folder, write_atomically
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
    cached = Path(tempfile.gettempdir()) / "facewatch-models" / digest / path.name
    for place in (path, cached):
        if place.is_file() and sha256_of(place, follow=True) == digest:
            return place
    if data is None or hashlib.sha256(data).hexdigest() != digest:
        raise BadCheckpoint(
            f"the file of the model {path.name} did not reach this machine whole; start again"
        )
    make_private_folder(cached.parent)
    write_atomically(cached, data)
    return cached
