"""Photos that an earlier run left under way."""

from __future__ import annotations

import logging
from pathlib import Path

from facewatch.delivery import deliver_extras
from facewatch.errors import FacewatchError
from facewatch.files import sha256_of
from facewatch.ledger import Job, Ledger

log = logging.getLogger(__name__)

STOPPED_ATTEMPTS = 10  # so often may a photo be under way when the daemon ends, before it is blamed


def settle_interrupted(ledger: Ledger, job: Job) -> None:
    """Decide what a photo that an earlier run left under way has come to."""
    if job.state == "committing" and _stands(job):
        report = dict(job.report or {})
        _finish(job, report.pop("extras", []))
        (ledger.no_faces if report.get("faces") == [] else ledger.done)(job, report)
        return
    reason = "facewatch was stopped while it worked on this photo"
    if job.attempts >= STOPPED_ATTEMPTS:
        ledger.poison(job, f"{reason}, {job.attempts} times", "")
        return
    ledger.retry(job, reason, "", 0)


def _stands(job: Job) -> bool:
    """Whether the copy has its name, and is whole."""
    try:
        return job.output is not None and sha256_of(job.output) == job.output_sha256
    except OSError:
        return False


def _finish(job: Job, extras: list[dict[str, str]]) -> None:
    assert job.output is not None
    try:
        deliver_extras([extra for extra in extras if Path(extra["temporary"]).exists()], job.output)
    except FacewatchError as error:  # the copy itself is there
        log.warning("%s: its comparison and crops could not be put beside it: %s", job.output, error)
