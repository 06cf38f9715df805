"""Earlier copies of a photo, which the user replaces or rejects: they go to the trash, never further."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from facewatch.errors import CannotWrite
from facewatch.state.ledger import Job, Ledger
from facewatch.state.requests import FAVOURITE, REJECTED, Request
from facewatch.system.opened import sha256_of
from facewatch.system.trash import move_to_trash

log = logging.getLogger(__name__)


def redo_options(request: Request, job: Job | None) -> dict[str, Any]:
    """Return the options of a redo as the ledger keeps them.

    job  the photo as it is now; None if it is not known yet
    """
    options: dict[str, Any] = {"model": request.model, "weight": request.weight}
    if request.faces:
        options["faces"] = [{"box": face.box, "weight": face.weight} for face in request.faces]
    if job is None:
        return options
    if request.replace:
        if job.output is not None and job.output_sha256 is not None:
            options["replaces"] = {"path": str(job.output), "sha256": job.output_sha256}
        elif earlier := (job.wishes or {}).get("replaces"):  # asked for twice
            options["replaces"] = earlier
    if FAVOURITE in (job.report or {}).get("marks", ()):
        options["marks"] = [FAVOURITE]
    return options


def discard_replaced(wishes: dict[str, Any] | None) -> Path | None:
    """Move the copy that a finished redo replaces to the trash; return its path if it is free now.

    A copy that cannot be moved stays, and the new one gets another name: no photo fails for it.
    """
    earlier = (wishes or {}).get("replaces")
    if not earlier:
        return None
    copy = Path(earlier["path"])
    try:
        return copy if discard(copy, earlier["sha256"]) else None
    except CannotWrite as error:
        log.warning("%s", error)
        return None


def discard(copy: Path, sha256: str) -> bool:
    """Move a copy to the trash; False if it is gone, or another file has its name now.

    sha256  of the copy as facewatch made it: a file that others have changed stays

    Raises CannotWrite.
    """
    try:
        if sha256_of(copy, follow=False) != sha256:
            log.info("%s is not the copy that facewatch made any more, and stays", copy)
            return False
    except OSError:
        return False  # moved or deleted
    move_to_trash(copy)
    log.info("%s: moved to the trash", copy)
    return True


def mark(ledger: Ledger, request: Request) -> None:
    """Note what the user thinks of a copy; a rejected one goes to the trash.

    Raises CannotWrite if it cannot; the photo is then not marked.
    """
    assert request.path is not None
    marks = request.marks or ()
    job = ledger.photo(request.path)
    rejected = REJECTED in marks and job is not None and job.output is not None
    if rejected and job is not None and job.output is not None and job.output_sha256 is not None:
        discard(job.output, job.output_sha256)
    ledger.mark(request.path, marks, without_copy=rejected)
