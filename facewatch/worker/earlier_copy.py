"""Earlier copies of a photo that the user replaces or rejects: into the trash, and back from it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from facewatch.errors import CannotWrite
from facewatch.state.ledger import FINISHED, Job, Ledger
from facewatch.state.requests import FAVOURITE, REJECTED, Request
from facewatch.system.opened import has_content
from facewatch.system.trash import bring_back, find_in_trash, move_to_trash
from facewatch.worker.output import make_folders, output_of, stay_inside

log = logging.getLogger(__name__)


def redo_options(request: Request, job: Job | None) -> dict[str, Any]:
    """Return the options of a redo as the ledger keeps them.

    job  the photo as it is now; None if it is not known yet
    """
    options: dict[str, Any] = {"model": request.model, "weight": request.weight}
    if request.faces:
        options["faces"] = [face.to_json() for face in request.faces]
    if job is None:
        return options
    unfinished = {} if job.state in FINISHED else job.wishes or {}  # asked for twice
    earlier = unfinished.get("earlier") or _copy_of(job)
    if earlier:
        options["earlier"] = earlier
    if request.replace and earlier:
        options["replaces"] = {key: earlier[key] for key in ("path", "sha256")}
    if FAVOURITE in (job.report or {}).get("marks", ()):
        options["marks"] = [FAVOURITE]
    return options


def _copy_of(job: Job) -> dict[str, Any] | None:
    """Return all that is needed to make a photo's copy its copy again."""
    if job.output is None or job.output_sha256 is None:
        return None
    report = {key: value for key, value in (job.report or {}).items() if key != "earlier"}
    return {"path": str(job.output), "sha256": job.output_sha256, "recipe": job.recipe, "report": report}


def discard_replaced(job: Job) -> Path | None:
    """Move the copy that a finished redo replaces to the trash; return its path if it is free now.

    A copy that cannot be moved stays, and the new one gets another name: no photo fails for it.
    """
    wishes = job.wishes or {}
    replaced = wishes.get("replaces")
    if not replaced:
        return None
    copy, report = Path(replaced["path"]), (wishes.get("earlier") or {}).get("report") or {}
    try:
        return copy if discard(job, copy, replaced["sha256"], report) else None
    except CannotWrite as error:
        log.warning("%s", error)
        return None


def discard(job: Job, copy: Path, sha256: str, report: dict[str, Any] | None) -> bool:
    """Move a copy and the files that were made with it to the trash; False if it is gone, or is another file.

    job     its photo
    sha256  of the copy as facewatch made it: a file that others have changed stays
    report  of the copy, which names its side files

    Raises CannotWrite; the copy and its side files then stay. So it does for a copy behind a link, in whose
    place an original may lie by now.
    """
    output = output_of(job, copy)
    stay_inside(copy.parent, output)
    if not move_to_trash(copy, sha256, output):
        log.info("%s is gone, or not the copy that facewatch made any more: nothing is moved", copy)
        return False
    log.info("%s: moved to the trash", copy)
    for side in (report or {}).get("beside", ()):
        try:
            move_to_trash(copy.with_name(side["name"]), side["sha256"], output)
        except CannotWrite as error:  # its copy is in the trash already
            log.warning("%s", error)
    return True


def mark(ledger: Ledger, request: Request) -> None:
    """Note what the user thinks of a copy; a rejected one goes to the trash.

    Raises CannotWrite if it cannot; the photo is then not marked.
    """
    assert request.path is not None
    marks = request.marks or ()
    job = ledger.photo(request.path)
    rejected = _copy_of(job) if job is not None and REJECTED in marks else None
    if rejected is not None:
        assert job is not None
        discard(job, Path(rejected["path"]), rejected["sha256"], rejected["report"])
    ledger.mark(request.path, marks, rejected=rejected)


def undo(ledger: Ledger, path: Path) -> None:
    """Take back the last redo or rejection of a photo: its earlier copy is the copy again.

    The copy of the redo goes to the trash. Raises CannotWrite if the earlier copy cannot be had back; nothing
    has changed then.
    """
    job = ledger.photo(path)
    report = (job.report if job is not None else None) or {}
    earlier = report.get("rejected") if REJECTED in report.get("marks", ()) else report.get("earlier")
    if job is None or job.state not in FINISHED or not earlier:
        log.info("%s: there is nothing to undo", path)
        return
    copy, sha256 = Path(earlier["path"]), earlier["sha256"]
    output = output_of(job, copy)
    in_place = has_content(copy, sha256, output)
    if not in_place and find_in_trash(copy, sha256) is None:
        raise CannotWrite(
            f"the earlier copy {copy} is not in the trash that facewatch can read; bring it back from the "
            "trash of the desktop, or restore the photo again"
        )
    make_folders(copy.parent, output)
    same = in_place and job.output == copy  # the redo made the same file
    if not same and job.output is not None and job.output_sha256 is not None:
        discard(job, job.output, job.output_sha256, report)
    restored = copy if in_place else bring_back(copy, sha256, output)
    for side in earlier["report"].get("beside", ()):
        if not in_place and find_in_trash(copy.with_name(side["name"]), side["sha256"]) is not None:
            bring_back(copy.with_name(side["name"]), side["sha256"], output)
    ledger.take_back(job, restored, {**earlier, "report": _without_rejection(earlier["report"])})
    log.info("%s: its copy is %s again", path, restored)


def _without_rejection(report: dict[str, Any]) -> dict[str, Any]:
    marks = [mark for mark in report.get("marks", ()) if mark != REJECTED]
    return {**report, "marks": marks}
