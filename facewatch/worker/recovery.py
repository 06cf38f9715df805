"""The recovery of photos that an earlier run left in work."""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from facewatch.state.ledger import Job, Ledger
from facewatch.state.reports import with_losses
from facewatch.system.opened import digest_opened, open_below, open_folder, sha256_of
from facewatch.worker.output import SideFileNote, output_of, publish_side_files, publish_sidecars

log = logging.getLogger(__name__)

STOPPED_ATTEMPTS = 10  # a photo is blamed after it was in work at this many ends of the daemon


def recover_interrupted(ledger: Ledger, job: Job) -> None:
    """Decide about a photo that an earlier run left in work."""
    if finish_if_published(ledger, job):
        return
    if job.state == "committing" and job.output is not None:
        _remove_claim(output_of(job, job.output), job.output)
    reason = "facewatch was stopped while it worked on this photo"
    if job.attempts >= STOPPED_ATTEMPTS:
        ledger.poison(job, f"{reason}, {job.attempts} times", "")
        return
    ledger.retry(job, reason, "", 0)


def _remove_claim(output: Path, copy: Path) -> None:
    """Remove a name that was only claimed for a copy (`system.publish`): copies are never empty."""
    with suppress(OSError), open_folder(output, copy.parent) as folder:
        name = copy if folder is None else copy.name
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode) and found.st_size == 0:
            os.unlink(name, dir_fd=folder)


def finish_if_published(ledger: Ledger, job: Job) -> bool:
    """End a photo that was stopped or failed after its copy was published; False if it was not published.

    Raises DiskFull or BadLedger.
    """
    known = ledger.photo(job.path)
    if known is None or known.turn != job.turn or known.state != "committing" or not copy_exists(known):
        return False
    finish(ledger, known)
    return True


def finish(ledger: Ledger, job: Job) -> None:
    """End a photo whose copy exists (`copy_exists`).

    Raises DiskFull or BadLedger.
    """
    assert job.output is not None
    report = dict(job.report or {})
    extras = [hashed for extra in report.pop("extras", []) if (hashed := _with_hash(extra)) is not None]
    beside: list[SideFileNote] = []
    output = output_of(job, job.output)
    with suppress(OSError), open_below(output, job.output) as copy:
        # If the copy was deleted or replaced just now, its side files wait for the next sweep.
        if digest_opened(copy) == job.output_sha256:
            attributes = os.fstat(copy.fileno())
            beside += publish_side_files(extras, job.output, attributes, output=output)
    found, lost = publish_sidecars(job.path, job.output, output)
    beside += found
    report = with_losses(report, lost) | ({"beside": beside} if beside else {})
    (ledger.no_faces if report.get("faces") == [] else ledger.done)(job, report)
    log.info("%s -> %s: its copy was published already", job.path, job.output)


def _with_hash(extra: dict[str, str]) -> dict[str, str] | None:
    """Return a side file with its hash, which earlier versions did not record; None if it has its name."""
    try:
        found = sha256_of(extra["temporary"], follow=False)
    except OSError:
        return None
    return {"sha256": found, **extra}


def copy_exists(job: Job) -> bool:
    """True if the copy has its name and its recorded content."""
    if job.output is None:
        return False
    try:
        with open_below(output_of(job, job.output), job.output) as copy:
            return digest_opened(copy) == job.output_sha256
    except OSError:
        return False
