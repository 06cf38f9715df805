"""Photos that an earlier run left under way."""

from __future__ import annotations

from facewatch.files import sha256_of
from facewatch.ledger import Job, Ledger

STOPPED_ATTEMPTS = 10  # so often may a photo be under way when the daemon ends, before it is blamed


def settle_interrupted(ledger: Ledger, job: Job) -> None:
    """Decide what a photo that an earlier run left under way has come to."""
    if job.state == "committing" and job.output is not None and job.output_sha256 is not None:
        try:
            finished = sha256_of(job.output) == job.output_sha256
        except OSError:
            finished = False
        if finished:
            nobody = (job.report or {}).get("faces") == []
            (ledger.no_faces if nobody else ledger.done)(job, job.report)
            return
    reason = "facewatch was stopped while it worked on this photo"
    if job.attempts >= STOPPED_ATTEMPTS:
        ledger.poison(job, f"{reason}, {job.attempts} times", "")
        return
    ledger.retry(job, reason, "", 0)
