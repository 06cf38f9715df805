"""Photos that an earlier run left under way."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

from facewatch.state.ledger import Job, Ledger
from facewatch.system.atomic import remove_file, sha256_of
from facewatch.worker.output import publish_side_files

log = logging.getLogger(__name__)

STOPPED_ATTEMPTS = 10  # so often may a photo be under way when the daemon ends, before it is blamed


def recover_interrupted(ledger: Ledger, job: Job) -> None:
    """Decide what a photo that an earlier run left under way has come to."""
    if finished(ledger, job):
        return
    if job.state == "committing" and job.output is not None and _is_claim(job.output):
        remove_file(job.output)
    reason = "facewatch was stopped while it worked on this photo"
    if job.attempts >= STOPPED_ATTEMPTS:
        ledger.poison(job, f"{reason}, {job.attempts} times", "")
        return
    ledger.retry(job, reason, "", 0)


def _is_claim(name: Path) -> bool:
    """Whether a name was claimed for a copy that never got it (`naming`): none is empty."""
    try:
        found = name.lstat()
        return stat.S_ISREG(found.st_mode) and found.st_size == 0
    except OSError:
        return False


def finished(ledger: Ledger, job: Job) -> bool:
    """End a photo that was stopped or failed after its copy had got its name; False if that is not so.

    Raises DiskFull or BadLedger.
    """
    known = ledger.photo(job.path)
    if known is None or known.turn != job.turn or known.state != "committing" or not copy_exists(known):
        return False
    finish(ledger, known)
    return True


def finish(ledger: Ledger, job: Job) -> None:
    """End a photo whose copy `stands`.

    Raises DiskFull or BadLedger.
    """
    assert job.output is not None
    report = dict(job.report or {})
    extras = [extra for extra in report.pop("extras", []) if Path(extra["temporary"]).exists()]
    publish_side_files(extras, job.output)
    (ledger.no_faces if report.get("faces") == [] else ledger.done)(job, report)
    log.info("%s -> %s: its copy has its name already", job.path, job.output)


def copy_exists(job: Job) -> bool:
    """Whether the copy has its name, and is whole."""
    try:
        return job.output is not None and sha256_of(job.output) == job.output_sha256
    except OSError:
        return False
